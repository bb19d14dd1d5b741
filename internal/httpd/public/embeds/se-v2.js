// Shaped like Statuspage's script of this name, and reads this status page, whatever the page's id is:
//   var sp = new StatusPage.page({page: 'any'})
//   sp.summary({success: function (data) { ... }, error: function (err) { ... }})
// incidents takes filter: 'unresolved'; scheduledMaintenances takes 'upcoming' and 'active'.
(() => {
  const api = new URL('api/v2/', document.currentScript.src)
  const reader = (name, filters = []) => function ({filter, success = () => {}, error = () => {}} = {}) {
    const path = name + (filters.includes(filter) ? '/' + filter : '') + '.json'
    fetch(new URL(path, api), {credentials: 'omit'})
      .then(answer => {
        if (!answer.ok) throw new Error('the status page answered ' + answer.status)
        return answer.json()
      })
      .then(success, error)
  }
  function page() {}
  Object.assign(page.prototype, {
    summary: reader('summary'),
    status: reader('status'),
    components: reader('components'),
    incidents: reader('incidents', ['unresolved']),
    scheduledMaintenances: reader('scheduled-maintenances', ['upcoming', 'active']),
  })
  page.prototype.scheduled_maintenances = page.prototype.scheduledMaintenances
  window.StatusPage = Object.assign(window.StatusPage || {}, {page})
})()
