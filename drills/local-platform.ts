import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Api, AppIdentity, certificate, type Clock, graph } from '@tomte/client'
import { makeSelfSigned, type Platform, startPlatform } from '@tomte/platform'
import { openDatabase } from '../packages/platform/src/store/database.ts'
import { fastClock, type Pace } from './clock.ts'
import { httpsJson } from './https-json.ts'

/** The API that tokens are for, and its scope. */
export const AUDIENCE = 'api://orders'
export const SCOPE = `${AUDIENCE}/.default`

/** A certificate that an application is registered with: PEM with its key, and what Graph is told of it. */
export interface Certified {
  readonly pem: string
  readonly keyCredential: object
}

/** A platform in a process of its own, with an application that works in several tenants. */
export interface LocalPlatform {
  readonly origin: string
  /** The certificate authority to trust, as PEM. */
  readonly ca: string
  readonly tenants: readonly string[]
  readonly clientId: string
  /** The application's object id, for Graph. */
  readonly objectId: string
  /** The certificate that it is registered with at first. */
  readonly certified: Certified
  /** The application that may do everything in the first tenant, and the directory as it sees it. */
  readonly operator: AppIdentity
  readonly directory: Api
  /** Ends the process at once, as kill -9 does: the port is closed. */
  kill(): Promise<void>
  /** Starts it again, at the same port, and resolves when it is ready. */
  start(): Promise<void>
  /** Breaks it on demand, until the faults are ended. */
  fault(fault: object): Promise<void>
  endFaults(): Promise<void>
  remove(): Promise<void>
}

const READY_WITHIN_MS = 60_000
const YEAR_MS = 365 * 24 * 60 * 60 * 1000

/** Makes a certificate with its key that is valid for a year from now. */
export async function certify(name: string, nowMs: number): Promise<Certified> {
  const made = await makeSelfSigned(name, { notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + YEAR_MS })
  const key = made.certificate.replace(/-----[A-Z ]+-----|\s/g, '')
  const keyCredential = { type: 'AsymmetricX509Cert', usage: 'Verify', key, displayName: name }
  return { pem: `${made.certificate}\n${made.privateKey}\n`, keyCredential }
}

/** Makes a data folder with an API, an application and this many tenants, and starts a platform on it. */
export async function startLocalPlatform(pace: Pace, tenantsCount: number): Promise<LocalPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-drill-'))
  try {
    const clock = fastClock(pace)
    const prepared = await prepare(folder, clock)
    const tenants = [prepared.tenantId, ...(await addTenants(folder, clock.now(), tenantsCount - 1))]
    let child: ChildProcess | undefined
    const start = async () => {
      child = await spawnPlatform(folder, prepared.port, pace)
    }
    const kill = async () => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    await start()
    const { origin, ca } = prepared
    return {
      ...prepared,
      tenants,
      start,
      kill,
      fault: async (fault) => void (await httpsJson('POST', `${origin}/drills/faults`, ca, fault)),
      endFaults: async () => void (await httpsJson('DELETE', `${origin}/drills/faults`, ca)),
      remove: async () => {
        await kill()
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** Registers the API and the application, as an administrator does, on a platform that is closed again. */
async function prepare(folder: string, clock: Clock) {
  const platform = await startPlatform({ dataFolder: folder, port: 0, now: () => clock.now() })
  try {
    return await register(platform, clock)
  } finally {
    await platform.close()
  }
}

async function register(
  { origin, ca, graphUrl, operator: { tenantId, ...registered } }: Platform,
  clock: Clock,
) {
  const operator = new AppIdentity({
    tenantId,
    clientId: registered.clientId,
    credential: certificate({ file: registered.certificateFile }),
    authorityHost: origin,
    ca,
    clock,
    timeoutMs: TRANSPORT_MS,
  })
  // The operator is not what is drilled: its calls may take as long as they do, whatever the speed of the clock.
  await operator.getToken(GRAPH_SCOPE, { timeoutMs: TRANSPORT_MS })
  const directory = graph(operator, { baseUrl: graphUrl, ca, clock, timeoutMs: TRANSPORT_MS })
  const certified = await certify('first', clock.now())
  const create = (properties: object) =>
    directory.post('/applications', { signInAudience: 'AzureADMultipleOrgs', ...properties })
  await create({ displayName: 'orders', identifierUris: [AUDIENCE] }).then(async (api) =>
    directory.post('/servicePrincipals', { appId: (api as { readonly appId: string }).appId }),
  )
  const { id, appId } = (await create({
    displayName: 'daemon',
    keyCredentials: [certified.keyCredential],
  })) as { readonly id: string; readonly appId: string }
  await directory.post('/servicePrincipals', { appId })
  const { port } = new URL(origin)
  return { origin, ca, port, tenantId, operator, directory, certified, clientId: appId, objectId: id }
}

// Longer than any wait of a drill, whatever the speed of its clock: the operator is not what is drilled.
const TRANSPORT_MS = 24 * 60 * 60 * 1000
const GRAPH_SCOPE = 'https://graph.microsoft.com/.default'

/** Writes more tenants, which no call of the platform can make, with all applications of the first. */
async function addTenants(folder: string, nowMs: number, count: number): Promise<string[]> {
  const db = await openDatabase(folder)
  try {
    const applications = await db
      .selectFrom('application')
      .select('app_id')
      .where('display_name', 'in', ['orders', 'daemon'])
      .execute()
    const ids = Array.from({ length: count }, () => randomUUID())
    for (const [index, id] of ids.entries()) {
      const name = `customer-${index + 1}`
      await db.insertInto('tenant').values({ id, display_name: name, created_at_ms: nowMs }).execute()
      const domain = { name: `${name}.example`, tenant_id: id, is_default: 1 } as const
      await db.insertInto('domain').values(domain).execute()
      const principals = applications.map(({ app_id }) => ({
        id: randomUUID(),
        app_id,
        tenant_id: id,
        account_enabled: 1 as const,
        app_role_assignment_required: 0 as const,
        created_at_ms: nowMs,
      }))
      await db.insertInto('service_principal').values(principals).execute()
    }
    return ids
  } finally {
    await db.destroy()
  }
}

async function spawnPlatform(folder: string, port: string, { startMs, speed }: Pace): Promise<ChildProcess> {
  const program = join(import.meta.dirname, 'platform-process.ts')
  const args = ['--conditions=@tomte/source', program, folder, port, String(startMs), String(speed)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-4000)
  })
  // An end without the line closes the lines as well.
  const lines = createInterface({ input: child.stdout })
  const ready = await Promise.race([
    once(lines, 'line', { signal: AbortSignal.timeout(READY_WITHIN_MS) }).then(() => true),
    once(child, 'exit').then(() => false),
  ])
  if (!ready) throw new Error(`Cannot start the platform: it ended and said ${said}`)
  return child
}
