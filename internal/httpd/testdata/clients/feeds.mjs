// Reads a channel in every format, with two programs, and prints the entries that each has found.
import {extract} from '@extractus/feed-extractor'
import Parser from 'rss-parser'

const channel = process.argv[2]
const time = at => new Date(at).toISOString()
const parser = new Parser({customFields: {item: ['id', 'guid']}})
const found = {}
for (const format of ['atom', 'rss']) {
  const {items} = await parser.parseURL(`${channel}.${format}`)
  found[`rss-parser ${format}`] = items.map(i => ({id: i.id ?? i.guid, title: i.title, link: i.link, published: time(i.pubDate)}))
}
for (const format of ['atom', 'rss', 'json']) {
  const {entries} = await extract(`${channel}.${format}`)
  found[`feed-extractor ${format}`] = entries.map(e => ({id: e.id, title: e.title, link: e.link, published: time(e.published)}))
}
console.log(JSON.stringify(found))
