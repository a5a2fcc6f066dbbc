import type { Api } from '@tomte/client'
import { type Cursor, defineJob, type JobContext } from '@tomte/jobs'
import { z } from 'zod'
import { type ProvisionResult, type Remark, summary } from './counts.ts'
import { fold } from './directory.ts'
import { type ManagersPosition, setManagers } from './managers.ts'
import { openPeopleFile } from './people-file.ts'
import { LEDGER, type PeoplePosition, provisionPeople } from './people.ts'

const input = z.object({
  /** The HR export. */
  file: z.string().min(1),
  /** What stands after the @ of new user principal names. Default: the tenant's name. */
  domain: z.string().optional(),
})

type Context = JobContext<z.infer<typeof input>, 'directory'>

/**
 * Brings a directory up to date with an HR export: joiners created, movers updated, leavers disabled, managers set.
 * It can be stopped at any moment and goes on where it was; nobody is ever deleted, and nobody outside the file touched.
 */
export const provision = defineJob({
  input,
  apis: ['directory'],
  summary,
  key: async ({ file }) => {
    const people = await openPeopleFile(file)
    await people.close()
    return people.sha256
  },
  // A broken export that ends everybody's employment must not disable everybody.
  limit: {
    of: ({ api, signal }) => countPeople(api.directory, signal),
    atMost: async ({ input: { file } }) => countLeavers(file),
  },
  async run(context: Context): Promise<ProvisionResult> {
    const { step, ledger, tenant } = context
    const domain = context.input.domain ?? tenant
    const file = await openPeopleFile(context.input.file)
    try {
      const counts = await step('people', (cursor: Cursor<PeoplePosition>) =>
        provisionPeople(file, cursor, { ...context, domain }),
      )
      const people = counts.rows - counts.rejected
      const remanaged = await step('managers', (cursor: Cursor<ManagersPosition>) =>
        setManagers(cursor, { ...context, people }),
      )
      const notInFile = await step('absent', () => countAbsent(context))
      return {
        rows: counts.rows,
        created: counts.created,
        updated: counts.updated + remanaged,
        disabled: counts.disabled,
        unchanged: counts.unchanged - remanaged,
        rejected: await remarks(ledger, LEDGER.rejected),
        warnings: await remarks(ledger, LEDGER.warnings),
        notInFile,
      }
    } finally {
      await file.close()
    }
  },
})

/** How many rows are of people who have left: no more can be disabled. Those who left long ago are among them. */
async function countLeavers(path: string): Promise<number> {
  const file = await openPeopleFile(path)
  try {
    let leavers = 0
    for await (const row of file.people(0)) if (!('reason' in row) && row.endDate !== '') leavers += 1
    return leavers
  } finally {
    await file.close()
  }
}

async function countPeople(directory: Api, signal: AbortSignal): Promise<number> {
  const headers = { ConsistencyLevel: 'eventual' }
  return Number(await directory.get('/users/$count', { headers, signal }))
}

const ABSENT_CHUNK = 500

async function countAbsent({ api, ledger, signal }: Context): Promise<number> {
  let absent = 0
  let keys: string[] = []
  const countKeys = async () => {
    const seen = await ledger.find(LEDGER.seen, keys)
    absent += keys.filter((key) => !seen.has(key)).length
    keys = []
  }
  for await (const user of api.directory.pages('/users?$select=id,employeeId&$top=999', { signal })) {
    const employeeId =
      typeof user === 'object' && user !== null && 'employeeId' in user ? user.employeeId : undefined
    keys.push(typeof employeeId === 'string' ? fold(employeeId) : '')
    if (keys.length === ABSENT_CHUNK) await countKeys()
  }
  await countKeys()
  return absent
}

async function remarks(ledger: Context['ledger'], collection: string): Promise<readonly Remark[]> {
  const found: Remark[] = []
  for await (const [line, reason] of ledger.all(collection))
    found.push({ line: Number(line), reason: String(reason) })
  return found
}
