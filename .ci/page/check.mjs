// Checks saved report pages for what a browser and a reader need: no console errors, no sideways scrolling at 360 px, WCAG AA by
// axe in both themes at three widths, a way through by keyboard alone, a scorecard of which nothing is cut, explanations that open
// without a script, and one experiment on four printed pages at most.
import { accessible, browser, end, fault, fits, opened, skips, themed } from './browser.mjs'

const files = process.argv.slice(2)
for (const file of files) {
  for (const theme of ['light', 'dark']) {
    for (const width of [360, 768, 1280]) {
      const where = `${file} ${theme} ${width}`
      const before = async (page) => { await themed(page, theme); await page.setViewport({ width, height: 900 }) }
      const page = await opened(where, `file://${file}`, { own: 'file:', bypass: true, before })
      await fits(page, where)
      const cut = await page.evaluate(() => [...document.querySelectorAll('.scorecard, .scorecard td, .scorecard th')].filter((own) => own.scrollWidth > own.clientWidth + 1).map((own) => own.textContent.slice(0, 40)))
      if (cut.length) fault(where, `the scorecard cuts ${cut}`)
      const wide = await page.evaluate(() => [...document.querySelectorAll('.scroll')].filter((own) => own.scrollWidth > own.clientWidth && !getComputedStyle(own).backgroundImage.includes('gradient')).length)
      if (wide) fault(where, `${wide} tables go on to the side without a hint`)
      await skips(page, where)
      const wanted = await page.evaluate(() => [...document.querySelectorAll('a[href], summary, button, [tabindex="0"]')].filter((own) => own.checkVisibility()).length)
      const seen = new Set()
      for (let stop = 0; stop < wanted + 2; stop += 1) {
        seen.add(await page.evaluate(() => { const own = document.activeElement; own.dataset.stop ??= String(Math.random()); return own.dataset.stop }))
        await page.keyboard.press('Tab')
      }
      if (seen.size < wanted) fault(where, `the keyboard reaches ${seen.size} of ${wanted} places`)
      await accessible(page, where)
      await page.close()
    }
  }
}
// Explanations: opened with the keyboard, closed with Escape. And paper.
for (const file of files) {
  const page = await browser.newPage()
  await page.goto(`file://${file}`)
  const term = await page.$('.scorecard .term')
  if (term) {
    await term.focus()
    await page.keyboard.press('Enter')
    if (!await page.$('.explained:popover-open')) fault(file, 'a term does not open its explanation')
    await page.keyboard.press('Escape')
    if (await page.$('.explained:popover-open')) fault(file, 'Escape does not close an explanation')
  }
  const pdf = Buffer.from(await page.pdf({ format: 'A4', preferCSSPageSize: true, printBackground: true })).toString('latin1')
  const pages = (pdf.match(/\/Type\s*\/Page[^s]/g) ?? []).length
  console.log(`${file}: ${pages} printed pages`)
  if (file.endsWith('/security/report.html') && !(pages >= 1 && pages <= 4)) fault(file, `prints ${pages} pages; expected at most 4`)
  await page.close()
}
await end(`${files.length} pages, two themes, three widths`)
