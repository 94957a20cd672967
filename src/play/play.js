'use strict'
// The settings are the form; what they lead to comes from the server as HTML. The link holds everything.
const [form, results, field, said, line, watch, copy, file] = ['knobs', 'results', 'dots', 'status', 'line', 'watch', 'copy', 'file'].map((id) => document.getElementById(id))
const walk = document.getElementById('walk')
const tab = String(Math.random()).slice(2)
const sliders = [...form.querySelectorAll('[type=range]')]
let wanted = false, busy = false, watching = false, asked = 0, rest, next
const query = (extra) => {
  const all = [...form.elements].filter((own) => own.name && (own.type === 'checkbox' ? own.checked : own.value.trim() && own.value.trim() !== own.dataset.own))
  return String(new URLSearchParams([...all.map((own) => [own.name, own.value.trim()]), ...(extra ?? [])]))
}
const text = async (path) => {
  const response = await fetch(path)
  if (!response.ok) throw new Error((await response.text()).trim())
  return response.text()
}
const lost = (error) => { said.textContent = error instanceof TypeError ? 'simlab does not answer. Is `simlab play` still running?' : error.message }
// What was asked before the newest question is of no use any more.
const part = async (extra) => {
  const own = ++asked
  const found = await text(`/part?${query([['tab', tab], ...extra])}`)
  if (own !== asked) return
  results.innerHTML = found
  said.textContent = results.firstElementChild.dataset.said
}
const dots = async () => {
  const own = asked
  const focused = field.contains(document.activeElement) ? [...field.querySelectorAll('a')].indexOf(document.activeElement) : -1
  const found = await text(`/dots?${query([['tab', tab]])}`)
  if (own !== asked) return
  const open = [...field.querySelectorAll('details')].map((own) => own.open)
  field.innerHTML = found
  field.querySelectorAll('details').forEach((own, nth) => { own.open = open[nth] ?? false })
  if (focused >= 0) field.querySelectorAll('a')[focused]?.focus()
  clearTimeout(next)
  if (field.querySelector('[data-more]')) next = setTimeout(() => dots().catch(lost), 250)
}
// While somebody pulls a slider: the quick report, one at a time, always of the newest settings. Then the whole one, and the dots.
const changed = async () => {
  wanted = true
  watching = false
  line.hidden = true
  walk.toggleAttribute('hidden', true)
  clearTimeout(rest)
  clearTimeout(next)
  if (busy) return
  busy = true
  try {
    while (wanted) {
      wanted = false
      await part([['quick', '1']])
    }
    const link = query()
    history.replaceState(null, '', link ? `/?${link}` : '/')
    file.href = link ? `/scenario.ron?${link}` : '/scenario.ron'
    rest = setTimeout(() => part([]).then(dots).catch(lost), 300)
  } catch (error) { lost(error) }
  busy = false
}
const entry = (slider) => document.getElementById(slider.dataset.of)
sliders.forEach((slider) => { slider.hidden = false })
form.addEventListener('input', ({ target }) => {
  if (target.type === 'range') entry(target).value = target.value
  sliders.filter((slider) => entry(slider) === target).forEach((slider) => { slider.value = target.value })
  changed()
})
form.addEventListener('submit', (event) => { event.preventDefault(); changed() })
// The probability as a line that moves on with each look, and stops where one would have stopped; what would have come then is thin.
const walked = (looks, stop) => {
  const height = (chance) => 6 + 88 * (1 - chance)
  const places = looks.map(({ chance }, nth) => `${4 + 312 * (nth + 1) / LOOKS},${height(chance).toFixed(1)}`)
  const [high, low] = walk.querySelectorAll('line'), [thin, own] = walk.querySelectorAll('polyline'), end = walk.querySelector('circle')
  const sure = looks[0].sure
  for (const [line, chance] of [[high, sure], [low, 1 - sure]]) for (const side of ['y1', 'y2']) line.setAttribute(side, height(chance))
  thin.setAttribute('points', places.join(' '))
  own.setAttribute('points', places.slice(0, stop ?? places.length).join(' '))
  const [x, y] = places[(stop ?? places.length) - 1].split(',')
  end.setAttribute('cx', x)
  end.setAttribute('cy', y)
  end.setAttribute('class', stop ? 'stopped' : 'moving-end')
  walk.toggleAttribute('hidden', false)
}
// Users arrive: the experiment with the first of them, look after look, and where one would have stopped.
const LOOKS = 30
watch.addEventListener('click', async () => {
  const users = Number(document.getElementById('k-traffic.queries').value)
  if (watching || !(users > 0)) { watching = false; return }
  watching = true
  clearTimeout(rest)
  clearTimeout(next)
  line.replaceChildren()
  line.hidden = false
  let stopped = '', stop
  const looks = []
  try {
    for (let look = 1; look <= LOOKS && watching; look += 1) {
      const arrived = Math.max(1, Math.round(users * look / LOOKS))
      await part([['quick', '1'], ['arrived', arrived]])
      if (!watching) return
      const { said: words, decided, chance } = results.firstElementChild.dataset
      const mark = line.appendChild(document.createElement('li'))
      mark.className = `dot ${decided ?? ''}`
      mark.title = `${arrived} users: ${words}`
      if (!stopped && decided && decided !== 'open') {
        mark.classList.add('stop')
        stop = looks.length + 1
        stopped = ` Who stops at the first ${decided} stops at ${arrived} users.`
      }
      const [own, sure] = chance?.split(' ').map(Number) ?? [looks.at(-1)?.chance ?? 0.5, looks.at(-1)?.sure ?? 0.9]
      looks.push({ chance: own, sure })
      walked(looks, stop)
      // On a narrow screen the settings are above it.
      if (look === 1 && walk.getBoundingClientRect().top > innerHeight) walk.scrollIntoView({ block: 'center' })
      said.textContent = `${arrived} of ${users} users: ${words}${stopped}`
    }
    watching = false
    await part([]).then(dots)
  } catch (error) { watching = false; lost(error) }
})
watch.hidden = false
copy.hidden = false
copy.addEventListener('click', () => text(`/scenario.ron?${query()}`).then((scenario) => navigator.clipboard.writeText(scenario))
  .then(() => { said.textContent = 'The scenario is in the clipboard.' }, () => { said.textContent = 'The clipboard cannot be used here. Use Download.' }))
field.addEventListener('keydown', (event) => {
  const all = [...field.querySelectorAll('a')], step = { ArrowRight: 1, ArrowLeft: -1, Home: -all.length, End: all.length }[event.key]
  if (!step || !all.includes(event.target)) return
  event.preventDefault()
  all[Math.min(all.length - 1, Math.max(0, all.indexOf(event.target) + step))].focus()
})
dots().catch(lost)
