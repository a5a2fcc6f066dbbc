// A process whose syncs are counted from outside: node synced-process.ts FOLDER runs|saves COUNT
import { EmbeddedStage } from './embedded-stage.ts'

const [folder = '', what, text] = process.argv.slice(2)
const count = Number(text)
const stage = await EmbeddedStage.open(folder, async (cursor) => {
  for (let saved = 0; saved < count; saved += 1) await cursor.save(saved)
})
const job = what === 'saves' ? 'save' : 'nothing'
// A run more than is counted, so that a count of none has the same beginning and the same end.
await stage.queue(job, what === 'saves' ? 1 : count + 1)
await stage.finish(job)
await stage.close()
