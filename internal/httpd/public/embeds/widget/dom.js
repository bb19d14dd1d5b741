// Nodes are made one by one and never from markup: what others wrote stays text, and a policy of trusted types minds nothing.
const doc = document
const make = (name, parent, properties) => {
  const node = Object.assign(doc.createElement(name), properties)
  if (parent) parent.append(node)
  return node
}
const put = (node, text) => { if (node.textContent !== text) node.textContent = text }
const fill = (text, places) => text.replace(/\{(\w+)\}/g, (whole, name) => places[name] ?? whole)

// A link leads to the web or to a mailbox, wherever it came from.
const leads = (address, way = /^(https?|mailto):$/) => {
  try {
    const url = new URL(address, base)
    return way.test(url.protocol) ? url.href : ''
  } catch { return '' }
}
const link = (parent, text, address) => make('a', parent, {textContent: text, href: leads(address) || base, target: '_blank', rel: 'noopener'})

// A post comes as a tree: a text, or [name, attributes, ...children].
const markup = /^(p|br|hr|a|img|ul|ol|li|strong|em|del|code|pre|blockquote|h[3-6]|table|thead|tbody|tr|th|td)$/
function grow(tree, parent) {
  if (typeof tree === 'string') return parent.append(tree)
  const [name, given, ...children] = tree
  let node = parent
  if (markup.test(name)) {
    node = make(name.replace(/^h[3-5]$/, h => 'h' + (+h[1] + 1)), parent)
    if (name === 'a') Object.assign(node, {href: leads(given.href) || base, target: '_blank', rel: 'noopener'})
    if (name === 'img') Object.assign(node, {src: leads(given.src, /^https?:$/), alt: given.alt || '', loading: 'lazy'})
  }
  for (const child of children) grow(child, node)
}

const host = doc.createElement('div')
const root = host.attachShadow({mode: 'open'})
root.adoptedStyleSheets = [sheet]
// What is new is read out from here, and nothing else is: regions that are there before their words are.
const calm = make('div', root, {className: 'said', role: 'status'})
const loud = make('div', root, {className: 'said', role: 'alert'})
