// The parts together, and what a site may call.
let options = {}, running = false
const hearers = {}
const tell = (name, detail) => { for (const f of hearers[name] ?? []) f(detail) }

function draw() {
  if (!page || !running) return
  host.lang = page.lang
  drawBar()
  badge()
  if (panel.open) posts()
}
const turned = () => {
  if (doc.hidden) leave()
  else {
    look()
    listen()
  }
  hear()
}
const clicked = e => {
  const trigger = e.target.closest?.('[data-lull-open]')
  if (!trigger) return
  e.preventDefault()
  open(trigger)
}

const lull = {
  // start({identity, language, channel, lead, launcher, theme, url}): identity is an address that answers with a token, or a function that gives one.
  start(given = {}) {
    options = given
    if (given.url) base = given.url.replace(/\/*$/, '/')
    if (given.theme) host.dataset.theme = given.theme
    if (running) return lull
    running = true
    doc.body.append(host)
    doc.addEventListener('visibilitychange', turned)
    doc.addEventListener('click', clicked)
    turned()
    return lull
  },
  stop() {
    running = false
    page = undefined
    lull.identify()
    clearTimeout(pageTimer)
    doc.removeEventListener('visibilitychange', turned)
    doc.removeEventListener('click', clicked)
    host.remove()
  },
  // identify(way) for whoever has just signed in, identify() for whoever has left.
  identify(way) {
    leave()
    options = {...options, identity: way}
    inbox = undefined
    lastId = ''
    pending = []
    gone.clear()
    wait = 1e3
    draw()
    hear()
    listen()
  },
  open() { open() },
  close() { panel.close() },
  on(name, f) {
    (hearers[name] ??= []).push(f)
    return lull
  },
  get unread() { return page ? unread().length : 0 },
}
