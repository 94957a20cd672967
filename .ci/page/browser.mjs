// What all checks in a browser share: Chromium, the count of faults, and what each page is held to.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import puppeteer from 'puppeteer-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const start = { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'], timeout: 60_000 }
export const browser = await puppeteer.launch(start).catch((error) => {
  console.error(`error: Chromium does not start here: ${error.message.split('\n')[0]}`)
  process.exit(1)
})
let faults = 0
export const fault = (where, what) => { faults += 1; console.error(`${where}: ${what}`) }

// A page at an address, in a store of its own where a context is given. It may write no message and load nothing but from `own`, what its own addresses begin with.
export const opened = async (where, address, { own, bypass = false, patience = 120_000, before = async () => {}, context = browser }) => {
  const page = await context.newPage()
  page.setDefaultTimeout(patience)
  if (bypass) await page.setBypassCSP(true)
  page.on('console', (message) => fault(where, `console: ${message.text()}`))
  page.on('pageerror', (error) => fault(where, error.message))
  page.on('request', (request) => { if (!request.url().startsWith(own) && !request.url().startsWith('data:')) fault(where, `loads ${request.url()}`) })
  await before(page)
  await page.goto(address)
  return page
}
export const themed = (page, theme) => page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }])
export const fits = async (page, where) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (over > 0) fault(where, `scrolls sideways by ${over} px`)
}
export const skips = async (page, where) => {
  await page.keyboard.press('Tab')
  const first = await page.evaluate(() => document.activeElement.textContent.trim())
  if (!first.startsWith('Skip to')) fault(where, `the first stop of the keyboard is "${first}"`)
}
export const accessible = async (page, where) => {
  await page.evaluate(axe)
  const result = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }))
  for (const violation of result.violations) fault(where, `${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 2).map((node) => node.html.slice(0, 160)).join(' | ')}`)
}
// A page with everything opened that can be: nothing scrolls sideways, every id is there once, axe finds nothing.
export const checked = async (page, where) => {
  await fits(page, where)
  await page.evaluate(() => document.querySelectorAll('details').forEach((own) => { own.open = true }))
  const ids = await page.evaluate(() => { const all = [...document.querySelectorAll('[id]')].map((own) => own.id); return all.filter((id, at) => all.indexOf(id) !== at) })
  if (ids.length) fault(where, `ids that are there twice: ${ids.slice(0, 3)}`)
  await accessible(page, where)
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/${where.replaceAll(' ', '-')}.png`, fullPage: true })
}
export const end = async (what) => {
  await browser.close()
  console.log(faults === 0 ? `${what}: nothing to mend` : `${faults} faults`)
  process.exit(faults === 0 ? 0 : 1)
}
