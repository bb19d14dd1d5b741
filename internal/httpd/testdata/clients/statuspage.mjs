// Asks a status page everything that the statuspage.io package can ask, and prints what it understood.
import statuspage from 'statuspage.io'

const page = new statuspage.Statuspage('any')
page.setApiUrl(process.argv[2])
const {api} = page
const names = list => list.map(one => `${one.name}: ${one.status}`)

const summary = await api.getSummary()
console.log(JSON.stringify({
  page: summary.page.name,
  status: (await api.getStatus()).status,
  components: names((await api.getComponents()).components),
  summary: [names(summary.incidents), names(summary.scheduled_maintenances)],
  incidents: names((await api.incidents.getAll()).incidents),
  unresolved: names((await api.incidents.getUnresolved()).incidents),
  upcoming: names((await api.scheduledMaintenances.getUpcoming()).scheduled_maintenances),
}))
