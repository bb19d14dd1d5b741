(() => {
  const me = document.currentScript, bar = me.previousElementSibling, d = bar.dataset
  const link = bar.querySelector('a'), close = bar.querySelector('button')
  const key = 'lull-' + d.lullBanner + '|' + bar.textContent.trim()
  let kept = {}, told
  try { kept = localStorage } catch {}
  const draw = () => {
    const now = Date.now()
    bar.hidden = !!kept[key] || !(told ?? !(now < Date.parse(d.starts) || now > Date.parse(d.ends)))
  }
  close.hidden = false
  close.onclick = () => { kept[key] = 1; draw() }
  draw()
  setInterval(draw, 2e4)
  if (!link || !d.lullBanner || !link.pathname.endsWith('/maintenance/' + d.lullBanner)) return
  fetch(new URL('/banner.json', link.href), {credentials: 'omit'}).then(r => r.json()).then(({notices}) => {
    const mine = notices.find(n => new URL(n.url, link.href).pathname === link.pathname)
    if (mine?.running) told = true
    else if (!mine && !notices.some(n => n.severity === 'maintenance' && !n.running)) told = false
    draw()
  }).catch(() => {})
})()
