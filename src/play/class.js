'use strict'
// Both pages of a class ask again and again what there is to see, and show what has changed.
const main = document.getElementById('main')
const { role, code } = main.dataset
const at = role === 'teacher' ? '/teacher' : `/class/${code}`
const KEY = `simlab-class-${code ?? 'teacher'}`
const said = document.getElementById('said')
const EVERY = 1500, LATER = 5000
// A student stays the same after a reload; a teacher's secret stays in this tab, out of sight of whoever sees the address.
const store = { student: 'localStorage', teacher: 'sessionStorage' }[role]
const kept = (value) => { try { if (value !== undefined) window[store].setItem(KEY, value); return window[store].getItem(KEY) } catch { return value ?? null } }
let who = null, seen = '', shown = {}, wake = () => {}
class Refused extends Error { constructor (status, words) { super(words); this.status = status } }
const post = async (what, body) => {
  const response = await fetch(`${at}/${what}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...who, ...body }) })
  const text = await response.text()
  if (!response.ok) throw new Refused(response.status, text.trim())
  return text
}
const show = (html) => {
  if (!html) return
  const found = document.createElement('template')
  found.innerHTML = html
  seen = found.content.querySelector('[data-seen]').dataset.seen
  found.content.querySelectorAll('[data-into]').forEach((part) => {
    const into = document.getElementById(part.dataset.into)
    if (shown[into.id] === part.innerHTML) return
    shown[into.id] = part.innerHTML
    const open = [...into.querySelectorAll('details')].map((own) => own.open)
    const inside = into.contains(document.activeElement)
    into.innerHTML = part.innerHTML
    into.querySelectorAll('details').forEach((own, nth) => { own.open = open[nth] ?? own.open })
    // Whoever stood on something that is gone goes on at the question.
    if (inside && !into.contains(document.activeElement)) document.querySelector('#ask [tabindex]')?.focus()
  })
  const answer = document.querySelector('#own [data-answer]')?.dataset.answer
  const choice = document.querySelector(`#ask [name=answer][value="${Number(answer)}"]`)
  if (choice && !document.querySelector('#ask [name=answer]:checked')) choice.checked = true
}
const lost = (error) => {
  said.textContent = error instanceof TypeError ? 'The teacher\'s machine does not answer. This page goes on trying.' : error.message
  delete shown.said
  seen = ''
}
const outside = (words) => {
  who = null
  shown = {}
  seen = ''
  for (const id of ['ask', 'own', 'result']) document.getElementById(id)?.replaceChildren()
  said.textContent = words
  const door = document.getElementById(role === 'teacher' ? 'stranger' : 'join')
  door.hidden = false
  if (role === 'teacher') document.getElementById('choose').hidden = true
}
// One question at a time: a button's answer is newer than what was asked before it.
let turn = Promise.resolve()
const ask = (what, body) => {
  turn = turn.then(() => post(what, { seen, ...body })).then(show).catch((error) => {
    if (error instanceof Refused && error.status === 410) outside('This class does not know you any more. Join again.')
    else if (error instanceof Refused && error.status === 403) outside('The secret of this page is not that of the class.')
    else { lost(error); return false }
    return true
  })
  return turn
}
const wait = (milliseconds) => new Promise((done) => { wake = done; setTimeout(done, milliseconds) })
const follow = async () => {
  for (;;) {
    const went = who && !document.hidden ? await ask('now', {}) : true
    await wait(went === false ? LATER : EVERY)
  }
}
document.addEventListener('visibilitychange', () => { if (!document.hidden) wake() })
if (role === 'teacher') {
  const secret = location.hash.length > 1 ? kept(location.hash.slice(1)) ?? location.hash.slice(1) : kept()
  history.replaceState(null, '', location.pathname)
  const choose = document.getElementById('choose')
  if (secret) { who = { secret }; choose.hidden = false } else document.getElementById('stranger').hidden = false
  choose.addEventListener('submit', (event) => { event.preventDefault(); ask('choose', { lesson: choose.elements.lesson.value }) })
  document.getElementById('controls').addEventListener('click', ({ target }) => {
    const button = target.closest('[data-do]')
    if (!button) return
    if (button.dataset.lesson) choose.elements.lesson.value = button.dataset.lesson
    ask(button.dataset.do, button.dataset.lesson ? { lesson: button.dataset.lesson } : {})
  })
  follow()
} else if (role === 'student') {
  const join = document.getElementById('join')
  const student = kept()
  if (student) who = { student }; else join.hidden = false
  join.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      const student = await post('join', { name: join.elements.name.value })
      kept(student)
      who = { student }
      join.hidden = true
      await ask('now', {})
      document.querySelector('#ask [tabindex]')?.focus()
    } catch (error) { lost(error) }
  })
  document.getElementById('ask').addEventListener('submit', (event) => {
    event.preventDefault()
    ask('predict', { round: Number(event.target.dataset.round), answer: Number(new FormData(event.target).get('answer')) })
  })
  follow()
}
