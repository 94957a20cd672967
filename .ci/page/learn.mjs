// Drives the course: predict with a click and with the keyboard, the result and many runs come, the slider and the knob turn, an
// exercise is checked, progress stays; no console message, no request off the machine, axe in both themes at three widths.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import puppeteer from 'puppeteer-core'

const url = process.argv[2]
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const start = { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'], timeout: 60_000 }
const browser = await puppeteer.launch(start).catch((error) => {
  console.error(`error: Chromium does not start here: ${error.message.split('\n')[0]}`)
  process.exit(1)
})
let faults = 0
const fault = (where, what) => { faults += 1; console.error(`${where}: ${what}`) }
const opened = async (where, path, { bypass = false } = {}) => {
  const page = await browser.newPage()
  page.setDefaultTimeout(180_000)
  if (bypass) await page.setBypassCSP(true)
  page.on('console', (message) => fault(where, `console: ${message.text()}`))
  page.on('pageerror', (error) => fault(where, error.message))
  page.on('request', (request) => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) fault(where, `loads ${request.url()}`) })
  await page.goto(url + path)
  return page
}
const checked = async (page, where) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (over > 0) fault(where, `scrolls sideways by ${over} px`)
  await page.evaluate(() => document.querySelectorAll('details').forEach((own) => { own.open = true }))
  const ids = await page.evaluate(() => { const all = [...document.querySelectorAll('[id]')].map((own) => own.id); return all.filter((id, at) => all.indexOf(id) !== at) })
  if (ids.length) fault(where, `ids that are there twice: ${ids.slice(0, 3)}`)
  await page.evaluate(axe)
  const result = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }))
  for (const violation of result.violations) fault(where, `${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 2).map((node) => node.html.slice(0, 160)).join(' | ')}`)
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/${where.replaceAll(' ', '-')}.png`, fullPage: true })
}
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
for (const theme of ['light', 'dark']) { await users.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]); await checked(users, `lesson whole ${theme}`) }
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
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }])
      await page.setViewport({ width, height: 900 })
      await page.keyboard.press('Tab')
      const first = await page.evaluate(() => document.activeElement.textContent.trim())
      if (!first.startsWith('Skip to')) fault(where, `the first stop of the keyboard is "${first}"`)
      await checked(page, where)
      await page.close()
    }
  }
}
await browser.close()
console.log(faults === 0 ? 'the course: nothing to mend' : `${faults} faults`)
process.exit(faults === 0 ? 0 : 1)
