// As a script of a page: it starts by itself, with what its tag says.
const start = () => lull.start({...me.dataset, launcher: 'launcher' in me.dataset})
window.Lull = lull
if (doc.body) start()
else doc.addEventListener('DOMContentLoaded', start)
