// What somebody without a name has read and closed stays in the browser, or where that keeps nothing, until the next page.
let scrap = {}
const recall = () => {
  try { return {...scrap, ...JSON.parse(localStorage.getItem('lull'))} } catch { return scrap }
}
const keep = (part, change) => {
  const all = recall()
  const entries = Object.entries({...all[part], ...change}).slice(-200)
  scrap = {...all, [part]: Object.fromEntries(entries)}
  try { localStorage.setItem('lull', JSON.stringify(scrap)) } catch {}
}
