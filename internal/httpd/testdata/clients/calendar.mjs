// Reads a calendar with two programs, and prints the events that each has found.
import ICAL from 'ical.js'
import nodeIcal from 'node-ical'

const text = await (await fetch(process.argv[2])).text()
const found = {}

const calendar = new ICAL.Component(ICAL.parse(text))
found['ical.js'] = calendar.getAllSubcomponents('vevent').map(component => {
  const event = new ICAL.Event(component)
  return {
    uid: event.uid, sequence: event.sequence, summary: event.summary, description: event.description,
    start: event.startDate.toJSDate(), end: event.endDate.toJSDate(), status: component.getFirstPropertyValue('status'),
    impact: component.getFirstPropertyValue('x-maintnote-impact'),
  }
})
found['node-ical'] = Object.values(nodeIcal.sync.parseICS(text)).filter(one => one.type === 'VEVENT').map(event => ({
  uid: event.uid, sequence: Number(event.sequence), summary: event.summary, description: event.description,
  start: event.start, end: event.end, status: event.status, impact: event['MAINTNOTE-IMPACT'],
}))
console.log(JSON.stringify(found))
