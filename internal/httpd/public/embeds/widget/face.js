// What anyone may know: words, what is going on, and the change log. It is asked for once a minute while somebody looks at the page, and
// told at once by /events while a maintenance is near or under way.
let page, events, pageTimer, pageAsked
const near = n => n.running || n.starts_at && Date.parse(n.starts_at) - Date.now() < lead() && !n.ended
const lead = () => (options.lead ?? 24) * 36e5

async function look() {
  clearTimeout(pageTimer)
  pageTimer = setTimeout(look, 6e4)
  if (doc.hidden) return
  const turn = pageAsked = {}
  try {
    const reply = await fetch(new URL(`widget.${language()}.json`, base), {credentials: 'omit', cache: 'no-cache'})
    const next = reply.ok && await reply.json()
    if (next && turn === pageAsked && running) page = next
  } catch {} // what was known stays
  if (page && running) {
    hear()
    draw()
  }
}
// Many look at the same moment: they come spread over two seconds.
const lookSoon = () => {
  clearTimeout(pageTimer)
  pageTimer = setTimeout(look, Math.random() * 2e3)
}

function hear() {
  const wanted = running && !doc.hidden && !connected && page?.notices.some(near)
  if (!wanted && events) events = events.close()
  if (!wanted || events) return
  events = new EventSource(new URL('events', base))
  events.addEventListener('entry', lookSoon)
  events.addEventListener('page', lookSoon)
  events.addEventListener('progress', e => progress(JSON.parse(e.data)))
}

function progress(p) {
  for (const n of page?.notices ?? []) if (n.subject === p.maintenance) Object.assign(n, {text: p.text, percent: p.percent})
  draw()
}

function language() {
  const wanted = [options.language, doc.documentElement.lang, ...navigator.languages]
  return wanted.map(l => (l || '').slice(0, 2).toLowerCase()).find(l => languages.includes(l)) || languages[0]
}
