// Prints what Microsoft's own reader of adaptive cards finds wrong with the card on standard input, as JSON.
globalThis.window = globalThis
const { AdaptiveCard, SerializationContext } = require(process.argv[2])
const card = new AdaptiveCard(), parsing = new SerializationContext()
card.parse(JSON.parse(require("fs").readFileSync(0, "utf8")), parsing)
const said = []
for (let i = 0; i < parsing.eventCount; i++) said.push(parsing.getEventAt(i).message)
for (const e of card.validateProperties().validationEvents) said.push(e.message)
console.log(JSON.stringify(said))
