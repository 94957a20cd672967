'use strict'
// Steps are forms and links that work by themselves; here their answers come into the page. Progress is kept in this browser.
const KEY = 'simlab-course'
const progress = () => { try { return JSON.parse(localStorage.getItem(KEY)) ?? {} } catch { return {} } }
const keep = (name, what) => { try { const all = progress(); all[name] = { ...all[name], ...what }; localStorage.setItem(KEY, JSON.stringify(all)) } catch { /* A browser that keeps nothing still shows lessons. */ } }
const text = async (path) => {
  const response = await fetch(path)
  const body = await response.text()
  if (!response.ok) throw new Error(body.trim())
  return body
}
const lost = (into, error) => {
  const words = document.createElement('p')
  words.className = 'bad'
  words.textContent = error instanceof TypeError ? 'simlab does not answer. Is `simlab play` still running?' : error.message
  into.replaceChildren(words)
}
const lesson = document.getElementById('main').dataset.lesson
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
// Runs fill in until all are there.
const follow = async (into, path) => {
  const own = into.asked = (into.asked ?? 0) + 1
  try {
    for (;;) {
      const found = await text(path)
      if (own !== into.asked || !into.isConnected) return
      into.innerHTML = found
      if (!into.querySelector('[data-more]')) break
      await wait(400)
    }
    const solved = into.querySelector('[data-solved]')
    if (solved) keep(lesson, { solved: true })
  } catch (error) { lost(into, error) }
}
const runs = (inside) => inside.querySelectorAll('[data-runs]').forEach((into) => follow(into, into.dataset.runs))
document.querySelectorAll('form[data-part]').forEach((form) => form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const into = document.getElementById(form.dataset.into)
  const path = `${form.dataset.part}?${new URLSearchParams(new FormData(form))}`
  if ('poll' in form.dataset) { follow(into, path); return }
  into.innerHTML = '<p class="dim">Running …</p>'
  try {
    into.innerHTML = await text(path)
    form.closest('main').querySelectorAll('.waits').forEach((own) => { own.hidden = true })
    if (into.querySelector('[data-done]')) keep(lesson, { predicted: Number(new FormData(form).get('answer')), done: true })
    runs(into)
  } catch (error) { lost(into, error) }
}))
if (lesson) {
  runs(document)
  const before = progress()[lesson]?.predicted
  const answer = document.querySelector(`[name=answer][value="${Number(before)}"]`)
  if (answer && !document.querySelector('[name=answer]:checked')) answer.checked = true
}
// The slider: one run at a time, always of the newest position.
const slider = document.getElementById('slider')
if (slider) {
  const into = document.getElementById('moved')
  let wanted = false, busy = false
  slider.addEventListener('input', async () => {
    document.getElementById('position').textContent = slider.value
    wanted = true
    if (busy) return
    busy = true
    try {
      while (wanted) {
        wanted = false
        into.innerHTML = await text(`${slider.dataset.part}?value=${slider.value}`)
      }
    } catch (error) { lost(into, error) }
    busy = false
  })
}
// The list of lessons.
const status = document.getElementById('progress')
if (status) {
  const all = progress()
  let done = 0
  document.querySelectorAll('li[data-lesson]').forEach((own) => {
    if (!all[own.dataset.lesson]?.done) return
    done += 1
    const mark = own.querySelector('.done')
    mark.hidden = false
    if (all[own.dataset.lesson].solved) mark.textContent = '✓ done, exercise solved'
  })
  status.textContent = done ? `${done} of ${status.dataset.all} lessons done.` : 'No lesson done yet. Begin with the first.'
  const forget = document.getElementById('forget')
  forget.hidden = !done
  forget.addEventListener('click', () => { localStorage.removeItem(KEY); location.reload() })
}
