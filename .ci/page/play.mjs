// Drives the page of `simlab play`: a slider changes the report within a time limit, wrong values are explained, dots fill in and open
// their run, the truth is hidden until asked for; no console message, no request off the machine, axe in both themes at three widths.
import { browser, checked, end, fault, opened as open, skips, themed } from './browser.mjs'

const [url, limit] = [process.argv[2], Number(process.argv[3])]
const opened = (where, path = '/', options = {}) => open(where, url + path, { own: url, patience: 240_000, ...options })
// A slow machine ends with fewer than 200 dots.
const settled = (page) => page.waitForFunction(() => document.querySelectorAll('#dots a.dot').length >= 8 && !document.querySelector('#dots [data-more]'))
const verdict = (page) => page.$eval('#results', (results) => results.textContent)
const set = (page, id, value) => page.$eval(`[data-of="k-${id}"]`, (slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })) }, value)

// Sliders: the time from a change to the new picture, as the browser sees it.
const page = await opened('sliders', '/?traffic.queries=600')
const times = []
for (let nth = 0; nth < 15; nth += 1) {
  const before = await verdict(page)
  const took = await page.evaluate((value) => new Promise((done) => {
    const began = performance.now()
    const watch = new MutationObserver(() => { watch.disconnect(); requestAnimationFrame(() => done(performance.now() - began)) })
    watch.observe(document.getElementById('results'), { childList: true })
    const slider = document.querySelector('[data-of="k-traffic.pii_percentage"]')
    slider.value = value
    slider.dispatchEvent(new Event('input', { bubbles: true }))
  }), 20 + 5 * nth)
  times.push(took)
  if (await verdict(page) === before) fault('sliders', `the report does not follow the slider at ${20 + 5 * nth}`)
}
times.sort((one, other) => one - other)
const median = times[7]
console.log(`median time from slider to new picture: ${median.toFixed(0)} ms (fastest ${times[0].toFixed(0)}, slowest ${times[14].toFixed(0)}; limit ${limit})`)
if (median > limit) fault('sliders', `the median is above ${limit} ms`)
if (!page.url().includes('traffic.pii_percentage=90')) fault('sliders', `the address does not have the setting: ${page.url()}`)

// A wrong value is explained, and a right one brings the report back.
await page.$eval('#k-experiments\\.0\\.threshold', (own) => { own.value = '7'; own.dispatchEvent(new Event('input', { bubbles: true })) })
await page.waitForFunction(() => document.querySelector('#results pre')?.textContent.includes('threshold: 7'))
await set(page, 'experiments.0.threshold', '0.8')
await page.waitForFunction(() => !document.querySelector('#results pre') && document.querySelector('#results .verdict'))

// Dots fill in, take the arrow keys, and open their run.
await set(page, 'traffic.queries', '100')
await settled(page)
if (!await page.$('#dots figure svg path.curve')) fault('dots', 'there is no power curve')
await page.focus('#dots a.dot')
await page.keyboard.press('ArrowRight')
const second = await page.evaluate(() => ({ words: document.activeElement.getAttribute('aria-label'), link: document.activeElement.href }))
if (!second.words?.startsWith('run 2, ')) fault('dots', `the arrow leads to ${second.words}`)
if (await page.$('#dots .right, #dots .wrong')) fault('dots', 'the dots show the truth before anybody asked')
if ((await verdict(page)).includes('effect on users')) fault('truth', 'the report shows the truth before anybody asked')
await page.click('.toggle')
await page.waitForFunction(() => document.getElementById('results').textContent.includes('applied to the effect on users'))
await page.waitForFunction(() => document.getElementById('dots').textContent.includes('On the true effect'))
await settled(page)
for (const theme of ['light', 'dark']) { await themed(page, theme); await checked(page, `play truth ${theme}`) }

// Users arrive, look after look.
await page.click('.toggle')
await set(page, 'traffic.queries', '100')
await page.click('#watch')
await page.waitForFunction(() => document.querySelectorAll('#line .dot').length === 30)
const walk = await page.$eval('#walk', (own) => ({ looks: own.querySelector('.thin').getAttribute('points').split(' ').length, end: own.querySelector('circle').getAttribute('class') }))
if (walk.looks !== 30 || (walk.end === 'stopped') !== !!await page.$('#line .stop')) fault('watch', `the line has ${walk.looks} looks and ends ${walk.end}`)
await page.close()
const dot = await opened('dot', new URL(second.link).pathname + new URL(second.link).search)
const seed = new URL(second.link).searchParams.get('seed')
if (await dot.$eval('#k-seed', (own) => own.value) !== seed) fault('dot', 'a dot does not open its seed')
await dot.close()

// Without a script the form works with its button.
const plain = await browser.newPage()
await plain.setJavaScriptEnabled(false)
await plain.goto(url)
await plain.type('#k-seed', '7')
await Promise.all([plain.waitForNavigation(), plain.click('.without-script')])
if (!new URL(plain.url()).searchParams.get('seed')?.includes('7') || !(await plain.content()).includes('class="verdict')) fault('plain', `the button leads to ${plain.url()}`)
if (!await plain.$eval('.without-script', (own) => getComputedStyle(own).display !== 'none')) fault('plain', 'there is no button without a script')
await plain.close()

for (const theme of ['light', 'dark']) {
  for (const width of [360, 768, 1440]) {
    const where = `play ${theme} ${width}`
    const page = await opened(where, '/?traffic.queries=40', { bypass: true })
    await themed(page, theme)
    await page.setViewport({ width, height: 900 })
    await settled(page)
    await skips(page, where)
    await checked(page, where)
    await page.close()
  }
}
await end('the page to play with')
