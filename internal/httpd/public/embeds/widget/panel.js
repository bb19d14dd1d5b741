// The change log in a panel. The browser keeps the keyboard inside while it is open, closes it by Escape, and gives the focus back.
const launch = make('button', root, {className: 'launch', type: 'button', hidden: true, onclick: () => open()})
const launchWord = make('span', launch), launchBadge = make('span', launch, {className: 'badge', hidden: true})
launch.ariaHasPopup = 'dialog'
const panel = make('dialog', root)
const head = make('header', panel), title = make('h2', head, {id: 'title', tabIndex: -1}), shut = make('button', head, {className: 'x', type: 'button', textContent: '×', onclick: () => panel.close()})
panel.setAttribute('aria-labelledby', 'title')
const kinds = make('div', panel, {className: 'kinds', role: 'group'}), list = make('div', panel), foot = make('p', panel, {className: 'foot'})
let label = '', news = [], counts = {}, opener
const faces = {like: '👍', love: '❤️', unsure: '😕'}

panel.addEventListener('click', e => { if (e.target === panel) panel.close() }) // beside it
panel.addEventListener('close', () => {
  if (opener?.isConnected) opener.focus()
  tell('close')
})

const latest = () => Math.max(0, ...page.changes.map(c => c.seq))
const readTo = () => Math.max(recall().read?.[inbox?.key || ''] ?? 0, inbox?.read ?? 0)
const unread = () => page.changes.filter(c => c.seq > readTo() && Date.now() - Date.parse(c.posted_at) < 30 * 864e5)

function open(from) {
  if (!page || panel.open) return
  opener = from || (root.activeElement ?? doc.activeElement)
  news = unread().map(c => c.seq)
  label = ''
  posts()
  panel.showModal()
  panel.scrollTop = 0
  title.focus()
  keep('read', {[inbox?.key || '']: latest()})
  if (inbox && latest() > inbox.read) mark({read: latest()})
  badge()
  tell('open')
  fetch(new URL('widget/reactions.json', base), {credentials: 'omit', cache: 'no-cache'}).then(r => r.ok && r.json()).then(c => {
    if (c) counts = c.reactions
    if (c && panel.open) posts()
  }).catch(() => {}) // a page of files has none
}

function posts() {
  const w = page.words, held = root.activeElement?.dataset.hold
  put(title, w.title)
  shut.ariaLabel = w.close
  const labels = [...new Set(page.changes.flatMap(c => c.labels))]
  kinds.hidden = !labels.length
  kinds.ariaLabel = w.kinds
  kinds.replaceChildren()
  for (const l of ['', ...labels]) pressed(kinds, l || w.all, l === label, 'kind ' + l, () => { label = l; posts() })
  list.replaceChildren()
  const some = page.changes.filter(c => !label || c.labels.includes(label))
  if (!some.length) make('p', list, {className: 'foot', textContent: w.nothing})
  for (const c of some) post(c, make('article', list))
  foot.replaceChildren(link(null, w.whole, page.changes_url))
  // Who was at a button that was made anew is at the new one.
  if (held) root.querySelector(`[data-hold="${CSS.escape(held)}"]`)?.focus()
}

function post(c, into) {
  link(make('h3', into, {dir: 'auto'}), c.title, c.url)
  const about = make('div', into, {className: 'about'})
  make('time', about, {dateTime: c.posted_at, textContent: new Intl.DateTimeFormat(page.lang, {dateStyle: 'medium'}).format(Date.parse(c.posted_at))})
  if (news.includes(c.seq)) make('b', about, {textContent: page.words.fresh})
  for (const l of c.labels) make('span', about, {textContent: l})
  const text = make('div', into, {dir: 'auto'})
  for (const tree of c.text) grow(tree, text)
  const mine = inbox?.reactions[c.name], n = counts[c.name] ?? {}
  const feel = make('div', into, {className: 'feel', role: 'group', ariaLabel: page.words.react})
  for (const [kind, face] of Object.entries(faces)) {
    const says = `${page.words[kind]}: ${n[kind] ?? 0}`
    if (inbox) pressed(feel, face + ' ' + (n[kind] ?? ''), kind === mine, kind + ' ' + c.name, () => react(c.name, kind === mine ? '' : kind)).ariaLabel = says
    else if (n[kind]) make('span', feel, {role: 'img', textContent: face + ' ' + n[kind], ariaLabel: says})
  }
  feel.hidden = !feel.children.length
}
function pressed(parent, text, on, hold, onclick) {
  const b = make('button', parent, {type: 'button', textContent: text, ariaPressed: on, onclick})
  b.dataset.hold = hold
  return b
}
function react(name, kind) {
  const was = inbox.reactions[name], n = counts[name] = {...counts[name]}
  if (was) n[was] = Math.max(0, (n[was] ?? 1) - 1)
  if (kind) n[kind] = (n[kind] ?? 0) + 1
  inbox.reactions[name] = kind
  posts()
  mark({reactions: {[name]: kind}})
}

// The site's own badges are told, too: <span data-lull-badge hidden></span>.
let badged
function badge() {
  const n = unread().length, says = fill(page.words.unread, {n})
  for (const b of [launchBadge, ...doc.querySelectorAll('[data-lull-badge]')]) {
    b.hidden = !n
    put(b, n ? String(n) : '')
    b.role = 'img'
    b.ariaLabel = says
  }
  put(launchWord, page.words.title)
  launch.hidden = !options.launcher
  if (n !== badged) tell('unread', badged = n)
}
