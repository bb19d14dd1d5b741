// What somebody with a name is told. The stream's events are whole states, so that after a break the newest one is enough. What could not be
// written down is kept and tried again.
let inbox, connected = false, breaker, lastId = '', pending = [], posting, wait = 1e3, listenTimer
const gone = new Set()

async function token() {
  const way = options.identity
  if (typeof way === 'function') return way()
  const reply = await fetch(way, {cache: 'no-store'})
  return reply.ok ? (await reply.text()).trim() : ''
}
const ask = async (path, more) => {
  const held = await token()
  if (!held) throw 0
  const headers = {Authorization: 'Bearer ' + held, ...more.headers}
  return fetch(new URL(`widget/${options.channel || 'app'}/${path}`, base), {credentials: 'omit', cache: 'no-store', ...more, headers})
}

async function listen() {
  clearTimeout(listenTimer)
  if (!running || !options.identity || doc.hidden || breaker) return
  const mine = breaker = new AbortController()
  try {
    const reply = await ask('stream', {signal: mine.signal, headers: lastId ? {'Last-Event-ID': lastId} : {}})
    if (!reply.ok) wait = Math.max(wait, (reply.headers.get('Retry-After') || 5) * 1e3)
    else await follow(reply.body.pipeThrough(new TextDecoderStream()).getReader())
  } catch {} // it is cut, or nobody is there
  if (mine !== breaker) return
  breaker = undefined
  connected = false
  hear()
  listenTimer = setTimeout(listen, wait * (.5 + Math.random() / 2))
  wait = Math.min(2 * wait, 6e4)
}
function leave() {
  clearTimeout(listenTimer)
  breaker?.abort()
  breaker = undefined
  connected = false
}

// An event ends with an empty line, and each of its lines is a field (HTML, section 9.2.6).
async function follow(reader) {
  let text = ''
  for (;;) {
    const {value, done} = await reader.read()
    if (done) return
    text += value
    const frames = text.split('\n\n')
    text = frames.pop()
    for (const frame of frames) {
      const field = name => frame.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1]
      lastId = field('id') || lastId
      if (field('data')) hand(field('event'), JSON.parse(field('data')))
    }
  }
}
function hand(event, data) {
  connected = true
  wait = 1e3
  hear()
  if (event === 'progress') progress(data)
  if (event === 'page') lookSoon()
  if (event === 'inbox') {
    inbox = data
    draw()
    send()
  }
}

function mark(what) {
  pending.push(what)
  return send()
}
async function send() {
  if (posting || !pending.length || !inbox) return posting
  const some = pending.slice(0, 20), body = {}
  let pause = 5e3
  for (const m of some) for (const [key, v] of Object.entries(m)) body[key] = Array.isArray(v) ? [...body[key] ?? [], ...v] : typeof v === 'object' ? {...body[key], ...v} : Math.max(body[key] ?? 0, v)
  posting = ask('marks', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)})
  try {
    const reply = await posting
    // What is refused would be refused again. An old token and haste are not the mark's fault.
    if (![401, 429].includes(reply.status) && reply.status < 500) pending.splice(0, some.length)
    pause = reply.ok ? 0 : 5e3
    if (reply.ok) Object.assign(counts, (await reply.json()).reactions)
    if (panel.open) posts()
  } catch {}
  posting = undefined
  if (pending.length) setTimeout(send, pause)
}
