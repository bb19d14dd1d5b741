// The status page's notices on any site: <script src="https://status.example.com/banner.js" defer></script>
// data-lead: how many hours ahead a maintenance is shown (24). data-close: what the button is called (Close).
// It lies over the foot of the page: nothing moves when it comes or goes. A site with a policy
// allows the status page in script-src and connect-src; styles go in as objects, which no policy minds.
(() => {
  const me = document.currentScript
  const lead = (me.dataset.lead || 24) * 36e5
  let notices = [], lang
  try { lang = Intl.getCanonicalLocales(document.documentElement.lang)[0] } catch {}
  const ago = new Intl.RelativeTimeFormat(lang, {numeric: 'auto'})
  const clock = new Intl.DateTimeFormat(lang, {weekday: 'short', day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit', timeZoneName: 'short'})

  const make = (name, parent) => parent.appendChild(document.createElement(name))
  const host = document.createElement('div')
  // The region is there before its words are: only then are they read out.
  host.setAttribute('role', 'status')
  const root = host.attachShadow({mode: 'open'})
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(`
    :host { all: initial; position: fixed; inset: auto 0 0; z-index: 2147483647 }
    div { display: flex; flex-wrap: wrap; align-items: center; gap: 0 1em; padding: .25em 1em; background: #2459b3; color: #fff; font: 15px/1.4 system-ui, sans-serif }
    [hidden] { display: none }
    .minor { background: #935600 }
    .major, .critical { background: #b3261e }
    a { flex: 1 1 12em; color: inherit; overflow-wrap: anywhere }
    button { all: unset; min-width: 44px; line-height: 44px; text-align: center; font-size: 1.5em; cursor: pointer }
    :focus-visible { outline: 2px solid; outline-offset: -2px }
    @media print { div { display: none } }`)
  root.adoptedStyleSheets = [sheet]
  const bar = make('div', root), link = make('a', bar), when = make('span', bar), close = make('button', bar)
  bar.hidden = true
  when.ariaLive = 'off'
  close.ariaLabel = me.dataset.close || 'Close'
  close.textContent = '×'
  document.body.append(host)

  // Where a site may keep nothing, a notice stays closed until the next page.
  let closed = {}, shown
  try { closed = localStorage } catch {}
  close.onclick = () => {
    closed['lull-' + shown] = 1
    draw()
  }

  const until = ms => {
    const m = Math.round(ms / 6e4)
    return m < 90 ? ago.format(m, 'minute') : m < 2880 ? ago.format(Math.round(m / 60), 'hour') : ago.format(Math.round(m / 1440), 'day')
  }
  const say = (node, text) => { if (node.textContent !== text) node.textContent = text }

  function draw() {
    const now = Date.now()
    const n = notices.find(n => !closed['lull-' + n.id] && (n.running || Date.parse(n.starts_at) - now < lead && Date.parse(n.ends_at) > now))
    bar.hidden = !n
    if (!n) return say(link, '')
    shown = n.id
    bar.className = n.severity
    // Each in its own direction.
    say(link, n.label + ': \u2068' + n.title + '\u2069')
    const url = new URL(n.url, me.src)
    link.href = /^https?:$/.test(url.protocol) ? url : new URL('.', me.src)
    const start = Date.parse(n.starts_at), end = Date.parse(n.ends_at)
    say(when, !end ? '' : !n.running ? clock.formatRange(start, end) + ' · ' + until(start - now)
      : end > now ? '→ ' + clock.format(end) + ' · ' + until(end - now) : '')
  }

  async function look() {
    if (document.hidden) return
    try {
      const reply = await fetch(new URL('banner.json', me.src), {credentials: 'omit', cache: 'no-cache'})
      if (reply.ok) notices = (await reply.json()).notices
    } catch {} // what was known stays
    draw()
  }
  look()
  document.addEventListener('visibilitychange', look)
  setInterval(look, 6e4)
})()
