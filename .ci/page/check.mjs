// Checks saved report pages for what a browser and a reader need: no console errors, no sideways scrolling at 360 px, WCAG AA by
// axe in both themes at three widths, a way through by keyboard alone, a scorecard of which nothing is cut, explanations that open
// without a script, and one experiment on four printed pages at most.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import puppeteer from 'puppeteer-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const start = { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'], timeout: 60_000 }
const browser = await puppeteer.launch(start).catch((error) => {
  console.error(`error: Chromium does not start here: ${error.message.split('\n')[0]}`)
  process.exit(1)
})
let faults = 0
const fault = (where, what) => { faults += 1; console.error(`${where}: ${what}`) }
for (const file of process.argv.slice(2)) {
  for (const theme of ['light', 'dark']) {
    for (const width of [360, 768, 1280]) {
      const where = `${file} ${theme} ${width}`
      const page = await browser.newPage()
      await page.setBypassCSP(true)
      page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) fault(where, message.text()) })
      page.on('pageerror', (error) => fault(where, error.message))
      page.on('request', (request) => { if (!request.url().startsWith('file:') && !request.url().startsWith('data:')) fault(where, `loads ${request.url()}`) })
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }])
      await page.setViewport({ width, height: 900 })
      await page.goto(`file://${file}`)
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      if (over > 0) fault(where, `scrolls sideways by ${over} px`)
      const cut = await page.evaluate(() => [...document.querySelectorAll('.scorecard, .scorecard td, .scorecard th')].filter((own) => own.scrollWidth > own.clientWidth + 1).map((own) => own.textContent.slice(0, 40)))
      if (cut.length) fault(where, `the scorecard cuts ${cut}`)
      const wide = await page.evaluate(() => [...document.querySelectorAll('.scroll')].filter((own) => own.scrollWidth > own.clientWidth && !getComputedStyle(own).backgroundImage.includes('gradient')).length)
      if (wide) fault(where, `${wide} tables go on to the side without a hint`)
      await page.keyboard.press('Tab')
      const first = await page.evaluate(() => document.activeElement.textContent.trim())
      if (!first.startsWith('Skip to')) fault(where, `the first stop of the keyboard is "${first}"`)
      const wanted = await page.evaluate(() => [...document.querySelectorAll('a[href], summary, button, [tabindex="0"]')].filter((own) => own.checkVisibility()).length)
      const seen = new Set()
      for (let stop = 0; stop < wanted + 2; stop += 1) {
        seen.add(await page.evaluate(() => { const own = document.activeElement; own.dataset.stop ??= String(Math.random()); return own.dataset.stop }))
        await page.keyboard.press('Tab')
      }
      if (seen.size < wanted) fault(where, `the keyboard reaches ${seen.size} of ${wanted} places`)
      await page.evaluate(axe)
      const result = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }))
      for (const violation of result.violations) fault(where, `${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 2).map((node) => node.html.slice(0, 120)).join(' | ')}`)
      await page.close()
    }
  }
}
// Explanations: opened with the keyboard, closed with Escape. And paper.
for (const file of process.argv.slice(2)) {
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
await browser.close()
console.log(faults === 0 ? `${process.argv.length - 2} pages, two themes, three widths: nothing to mend` : `${faults} faults`)
process.exit(faults === 0 ? 0 : 1)
