// Drives the course: predict with a click and with the keyboard, the result and many runs come, the slider and the knob turn, an
// exercise is checked, progress stays; no console message, no request off the machine, axe in both themes at three widths.
import { browser, checked, end, fault, opened as open, skips, themed } from './browser.mjs'

const url = process.argv[2]
const opened = (where, path, options = {}) => open(where, url + path, { own: url, patience: 180_000, ...options })
const text = (page, id) => page.$eval(`#${id}`, (own) => own.textContent)

// The list, then the first lesson with the keyboard alone.
const page = await opened('first lesson', '/learn')
if (!(await text(page, 'progress')).includes('No lesson done yet')) fault('first lesson', 'somebody has done a lesson already')
await Promise.all([page.waitForNavigation(), page.click('.lessons a')])
if (!(await page.$eval('details', (own) => own.open))) fault('first lesson', 'the introduction is closed')
if (await page.$('#reveal .headline')) fault('first lesson', 'the answer shows before the prediction')
await page.focus('[name=answer]')
await page.keyboard.press('ArrowDown')
await page.keyboard.press('Enter')
await page.waitForSelector('#reveal .headline')
if (!(await text(page, 'reveal')).includes('You were right')) fault('first lesson', 'the right answer is not told')
await page.waitForFunction(() => document.querySelector('#reveal [data-runs] svg rect'))
await page.waitForFunction(() => !document.querySelector('#reveal [data-more]'))
const runs = await text(page, 'reveal')
if (!runs.includes('need more data: ')) fault('first lesson', `the runs do not say what was decided: ${runs.slice(-300)}`)

await page.goto(`${url}/learn`)
if (!(await text(page, 'progress')).includes('1 of 5 lessons done')) fault('progress', await text(page, 'progress'))
await page.click('#forget')
await page.waitForFunction(() => document.getElementById('progress')?.textContent.includes('No lesson done yet'))
await page.close()

// The slider, the knob, a term, and an exercise.
const users = await opened('too few users', '/learn/too-few-users', { bypass: true })
await users.$eval('#slider', (slider) => { slider.value = '1200'; slider.dispatchEvent(new Event('input', { bubbles: true })) })
await users.waitForSelector('#moved .scorecard')
const before = await text(users, 'moved')
await users.$eval('#slider', (slider) => { slider.value = '4000'; slider.dispatchEvent(new Event('input', { bubbles: true })) })
await users.waitForFunction((before) => document.getElementById('moved').textContent !== before, {}, before)
await users.click('#moved .term')
await users.waitForSelector('#moved .explained:popover-open')
await users.keyboard.press('Escape')
if (await users.$('#moved .explained:popover-open')) fault('too few users', 'Escape does not close an explanation')
await users.type('#value', '200')
await users.keyboard.press('Enter')
await users.waitForFunction(() => document.getElementById('checked').textContent.includes('Not enough'))
await users.click('[data-into=turned] button')
await users.waitForSelector('#turned .scorecard')
await users.click('[name=answer]')
await users.click('[data-into=reveal] button')
await users.waitForSelector('#reveal .headline')
await users.waitForFunction(() => document.querySelectorAll('[data-runs] svg').length === 2)
for (const theme of ['light', 'dark']) { await themed(users, theme); await checked(users, `lesson whole ${theme}`) }
await users.setViewport({ width: 360, height: 900 })
await checked(users, 'lesson whole 360')
await users.close()

// Without a script every step is a page.
const plain = await browser.newPage()
plain.setDefaultTimeout(180_000)
await plain.setJavaScriptEnabled(false)
await plain.goto(`${url}/learn/too-few-users`)
await plain.click('[name=answer]')
await Promise.all([plain.waitForNavigation(), plain.click('[data-into=reveal] button')])
if (!(await plain.content()).includes('Not this time.')) fault('plain', `the button leads to ${plain.url()}`)
await plain.close()

for (const path of ['/learn?path=all', '/learn/security-level', '/learn/peeking/notes']) {
  for (const theme of ['light', 'dark']) {
    for (const width of [360, 768, 1440]) {
      const where = `learn ${path.replaceAll(/[/?=]/g, ' ').trim()} ${theme} ${width}`
      const page = await opened(where, path, { bypass: true })
      await themed(page, theme)
      await page.setViewport({ width, height: 900 })
      await skips(page, where)
      await checked(page, where)
      await page.close()
    }
  }
}
await end('the course')
