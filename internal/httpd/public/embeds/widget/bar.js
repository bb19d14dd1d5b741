// The bar at the foot of the page: before, during and after a maintenance. Nothing on the page moves when it comes or goes.
const bar = make('section', root, {className: 'bar', hidden: true})
const what = make('div', bar, {className: 'what'})
const close = make('button', bar, {className: 'x', type: 'button', textContent: '×'})
let shown, came
bar.addEventListener('focusin', e => { if (!bar.contains(e.relatedTarget)) came = e.relatedTarget })
bar.addEventListener('keydown', e => { if (e.key === 'Escape') close.click() })
close.onclick = () => {
  gone.add(shown.id)
  if (inbox) mark({dismissed: [shown.id]})
  else keep('closed', {[shown.id]: 1})
  draw()
  if (bar.hidden && came?.isConnected) came.focus()
}

// Messages are for somebody; a notice is for anyone, and shown where there is no message of the same.
function items() {
  const mine = recall(), closed = id => gone.has(id) || (inbox ? inbox.closed.includes(id) : mine.closed?.[id])
  const told = subject => inbox ? inbox.told.includes(subject) : mine.told?.[subject]
  const live = subject => page.notices.find(n => n.subject === subject)
  const messages = inbox?.messages ?? []
  const all = messages.map(m => ({...live(m.subject), id: m.id, subject: m.subject, word: m.title, more: m.text, url: m.link}))
  for (const n of page.notices) {
    if (messages.some(m => m.subject === n.subject) || !(n.ended ? told(n.subject) : near(n))) continue
    all.push({...n, word: n.label + ': \u2068' + n.title + '\u2069'})
  }
  return all.filter(i => !closed(i.id)).sort((a, b) => rank(a) - rank(b))
}
const rank = i => i.severity && i.severity !== 'maintenance' ? 0 : i.running ? 1 : i.ended ? 3 : 2
const tone = i => i.late || i.severity === 'minor' ? 'slow' : i.severity === 'major' || i.severity === 'critical' ? 'bad' : i.state === 'completed' ? 'good' : ''

function drawBar() {
  const item = items()[0]
  bar.hidden = !item
  launch.classList.toggle('up', !!item)
  if (!item) return shown = undefined
  bar.ariaLabel = page.words.bar
  close.ariaLabel = page.words.close
  bar.className = 'bar ' + tone(item)
  if (item.id !== shown?.id) {
    what.replaceChildren()
    link(what, item.word, item.url).dir = 'auto'
    item.when = make('span', what)
    item.bar = make('progress', what, {max: 100})
    item.line = make('span', what, {dir: 'auto'})
    if (item.more) {
      const d = make('details', what)
      make('summary', d, {textContent: page.words.details})
      make('pre', d, {textContent: item.more, dir: 'auto'})
    }
    put(rank(item) < 2 ? loud : calm, item.word)
    shown = item
    if (inbox) mark({seen: [item.id]})
    else if (!item.ended) keep('told', {[item.subject]: 1})
    tell('message', {id: item.id, title: item.word})
  }
  put(shown.when, when(item))
  put(shown.line, item.running && item.text || '')
  const known = item.running && item.percent != null
  shown.bar.hidden = !known
  if (known) Object.assign(shown.bar, {value: item.percent, ariaLabel: page.words.progress})
}

function when(i) {
  const start = Date.parse(i.starts_at), end = Date.parse(i.ends_at)
  if (i.ended || !end) return ''
  const clock = new Intl.DateTimeFormat(page.lang, {weekday: 'short', day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit', timeZoneName: 'short', timeZone: inbox?.zone || undefined})
  return i.running ? fill(page.words.until, {when: clock.format(end)}) : clock.formatRange(start, end)
}
