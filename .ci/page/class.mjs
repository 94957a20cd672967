// Drives a class with several browsers: a teacher and two students, each with a store of its own. They join by the link that the square
// has, predict with the mouse and with the keyboard, the teacher reveals, all see the distribution; a reload keeps a student's place;
// no console message, no request off the machine, axe in both themes at three widths.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { browser, checked, end, fault, opened, skips, themed } from './browser.mjs'

const started = JSON.parse(process.argv[2])
const own = started.listening
const reader = readFileSync(createRequire(import.meta.url).resolve('jsqr/dist/jsQR.js'), 'utf8')
const text = (page, selector) => page.$eval(selector, (found) => found.textContent)
const says = (page, words) => page.waitForFunction((words) => document.getElementById('said').textContent.includes(words), {}, words)
const somebody = async (where, address) => opened(where, address, { own, bypass: true, patience: 300_000, context: await browser.createBrowserContext() })

// The teacher's page hides its secret, and keeps it after a reload.
const teacher = await somebody('teacher', started.teacher)
await says(teacher, 'In the class: 0 students')
if (teacher.url() !== `${own}/teacher`) fault('teacher', `the address shows ${teacher.url()}`)
await teacher.reload()
await says(teacher, 'In the class: 0 students')
const stranger = await somebody('stranger', `${own}/teacher`)
await stranger.waitForSelector('#stranger:not([hidden])')
if (await stranger.$('#choose:not([hidden])')) fault('stranger', 'can choose a lesson without the secret')
await stranger.close()

// What a camera reads is the link.
await teacher.evaluate(reader)
const read = await teacher.$eval('.qr', async (drawing) => {
  const size = 400
  const image = new Image(size, size)
  const text = new XMLSerializer().serializeToString(drawing).replace('<svg ', `<svg width="${size}" height="${size}" `)
  image.src = `data:image/svg+xml,${encodeURIComponent(text)}`
  await image.decode()
  const canvas = Object.assign(document.createElement('canvas'), { width: size, height: size })
  const pen = canvas.getContext('2d')
  pen.drawImage(image, 0, 0)
  return globalThis.jsQR(pen.getImageData(0, 0, size, size).data, size, size)?.data
})
if (read !== started.students[0]) fault('teacher', `a camera reads ${read}`)

// One student follows the link with a name, the other has the code only and keeps to the keyboard.
const ann = await somebody('ann', read)
await ann.type('#name', 'Ann <b>')
await ann.click('#join button')
await says(ann, 'Waiting for the teacher')
const ben = await somebody('ben', own)
await ben.focus('#code')
await ben.keyboard.type(started.students[0].split('/').pop().toUpperCase())
await Promise.all([ben.waitForNavigation(), ben.keyboard.press('Enter')])
await ben.waitForSelector('#join:not([hidden])')
await ben.focus('#name')
await ben.keyboard.press('Enter')
await says(ben, 'Waiting for the teacher')
await says(teacher, 'In the class: 2 students')

await teacher.select('#lesson', 'too-few-users')
await teacher.click('#choose button')
await teacher.waitForSelector('#ask h2')
for (const student of [ann, ben]) await student.waitForSelector('#ask [name=answer]')
if (await ann.$('.votes, .scorecard')) fault('ann', 'sees an answer before the teacher reveals')
await ann.click('#ask [name=answer][value="1"]')
await ann.click('#ask button')
await says(ann, 'Your prediction is in')
await ben.focus('#ask [name=answer]')
await ben.keyboard.press('ArrowDown')
await ben.keyboard.press('Enter')
await says(ben, 'Your prediction is in')
// A change of mind, and a reload in between.
await ann.reload()
await ann.waitForSelector('#own [data-answer="1"]')
if (!await ann.$eval('#ask [value="1"]', (choice) => choice.checked)) fault('ann', 'her choice is not marked after a reload')
await ann.click('#ask [name=answer][value="3"]')
await ann.click('#ask button')
await ann.waitForSelector('#own [data-answer="3"]')
await teacher.waitForFunction(() => document.getElementById('said').textContent.includes('2 of 2 students'))
for (const theme of ['light', 'dark']) {
  for (const width of [360, 768, 1440]) {
    for (const [name, page] of [['teacher', teacher], ['student', ann]]) {
      await themed(page, theme)
      await page.setViewport({ width, height: 900 })
      await checked(page, `class ${name} predicting ${theme} ${width}`)
    }
  }
}

// Revealed: bars on every page, and the runs as a histogram.
await teacher.focus('[data-do=reveal]')
await teacher.keyboard.press('Enter')
await teacher.waitForSelector('.votes')
if (!await teacher.$eval('#ask [tabindex]', (heading) => heading === document.activeElement)) fault('teacher', 'the focus is lost with the button')
for (const page of [teacher, ann, ben]) {
  await page.waitForSelector('.votes')
  const votes = await page.$$eval('.votes li', (all) => all.map((own) => own.querySelector('.vote span').textContent.trim()))
  if (votes.join() !== '0% (0 students),50.0% (1 student),50.0% (1 student)') fault('votes', votes.join())
  const widths = await page.$$eval('.votes .track div', (all) => all.map((own) => own.getBoundingClientRect().width / own.parentElement.getBoundingClientRect().width))
  if (widths.some((width, nth) => Math.abs(width - [0, 0.5, 0.5][nth]) > 0.01)) fault('votes', `bars are ${widths}`)
  if (!(await text(page, '.votes .right')).includes('✓ Right')) fault('votes', 'the right answer is not marked')
  await page.waitForSelector('#result .runs svg rect')
}
await says(ann, 'You were right')
await says(ben, 'Not this time')
await teacher.click('[data-do=turn]')
for (const page of [teacher, ann]) await page.waitForFunction(() => document.querySelectorAll('#result .runs svg').length === 2)
for (const theme of ['light', 'dark']) {
  for (const width of [360, 768, 1440]) {
    for (const [name, page] of [['teacher', teacher], ['student', ben]]) {
      await themed(page, theme)
      await page.setViewport({ width, height: 900 })
      await page.reload()
      await page.waitForSelector('.votes')
      await skips(page, `class ${name}`)
      await checked(page, `class ${name} revealed ${theme} ${width}`)
    }
  }
}

// The teacher goes on with the lesson that comes next.
await teacher.click('[data-do=choose]')
await ann.waitForSelector('#ask [name=answer]')
const entrance = await somebody('entrance', own)
for (const theme of ['light', 'dark']) {
  await themed(entrance, theme)
  await entrance.setViewport({ width: 360, height: 900 })
  await checked(entrance, `class entrance ${theme}`)
}
await end('the class')
