// The page of the preview: which side and width are shown, and what was built.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)]
  const value = name => document.querySelector(`[name=${name}]:checked`).value
  const link = document.getElementById('link')

  function draw() {
    const side = value('banner'), width = value('width')
    for (const f of all('iframe')) if (f.getAttribute('src') !== f.dataset[side]) f.src = f.dataset[side]
    for (const a of all('h2 a')) a.href = a.dataset[side]
    for (const f of all('figure')) f.hidden = width !== '' && f.dataset.width !== width
    for (const p of all('.took')) p.hidden = p.dataset.side !== side
    for (const e of all('.error')) e.hidden = e.dataset.side !== side || e.textContent === ''
  }
  document.addEventListener('change', draw)

  function built(b) {
    const section = all('section').find(s => s.dataset.site === b.site)
    if (!section) return
    const side = b.on ? 'on' : 'off'
    section.querySelector(`.took[data-side=${side}]`).textContent = `built in ${(b.took / 1e9).toFixed(2)} s at ${new Date(b.at).toLocaleTimeString()}`
    section.querySelector(`.error[data-side=${side}]`).textContent = b.error || ''
    if (!b.error && side === value('banner')) for (const f of all('iframe', section)) f.src = f.dataset[side]
    draw()
  }

  const events = new EventSource('/events')
  events.onopen = () => { link.textContent = 'Live: an edit shows by itself' }
  events.onerror = () => { link.textContent = 'The preview has ended, or is away' }
  events.onmessage = e => built(JSON.parse(e.data))
  draw()
})()
