// The provisioning example as a service: its schedule fires every minute of a fast clock while the HR file changes, the token endpoint
// is gone, the directory throttles and cuts answers, the secret ends and is replaced, and the process is killed with SIGKILL and
// started anew. Then the history is read back, and everybody has to be there exactly once and as the last file says.
import { ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from '@tomte/client'
import { type Platform, startPlatform } from '@tomte/platform'
import { operatorDirectory } from '../examples/provision-users/demo/operator.ts'
import {
  findRegistration,
  grantConsent,
  registerDaemon,
} from '../examples/provision-users/demo/registration.ts'
import { COLUMNS } from '../examples/provision-users/job/person.ts'
import { seeded } from '../packages/client/src/token/test-support.ts'
import { type Pace, paceOf } from './clock.ts'
import { httpsJson } from './https-json.ts'
import type { DrillOptions, DrillResult } from './row.ts'
import { readHistory } from './service-history.ts'

export interface ServiceOptions extends DrillOptions {
  /** How long there is trouble, in seconds of the machine's clock. Default: 600. */
  readonly seconds?: number | undefined
  /** How many people there are at first. Default: 300. */
  readonly people?: number | undefined
}

const SPEED = 10
const SECONDS = 600
const PEOPLE = 300
const LAST_RUN_WITHIN_MS = 120_000

/** The place of the drill: a platform with its application, the files, and the daemon's process. */
interface Scene {
  readonly folder: string
  readonly platform: Platform
  readonly directory: Api
  readonly applicationId: string
  readonly servicePrincipalId: string
  readonly environment: NodeJS.ProcessEnv
  readonly pace: Pace
  readonly lines: string[]
  secretKeyId: string
  child: ChildProcess
  kills: number
}

export async function drill({
  seed,
  speed = SPEED,
  seconds = SECONDS,
  people = PEOPLE,
}: ServiceOptions): Promise<DrillResult> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-service-drill-'))
  const platform = await startPlatform({ dataFolder: join(folder, 'platform'), port: 0, drills: true })
  try {
    const scene = await prepare(folder, platform, speed)
    const random = seeded(seed)
    const staff = newStaff(people)
    await writePeople(scene, staff)
    await start(scene)
    const untilMs = Date.now() + seconds * 1000
    for (let number = 0; Date.now() < untilMs; number += 1) {
      const trouble = TROUBLES[number % TROUBLES.length]
      await trouble?.(scene, random)
      change(staff, random)
      await writePeople(scene, staff)
    }
    await endFaults(scene)
    await lastRun(scene)
    const code = await stop(scene)
    return { drill: 'service', rows: [await rowOf(scene, staff, code)] }
  } finally {
    await platform.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function prepare(folder: string, platform: Platform, speed: number): Promise<Scene> {
  const directory = operatorDirectory(platform)
  const daemon = await registerDaemon(directory, platform, Date.now())
  await grantConsent(directory, daemon)
  const { id } = (await findRegistration(directory)) ?? { id: '' }
  const scene: Scene = {
    folder,
    platform,
    directory,
    applicationId: id,
    servicePrincipalId: daemon.servicePrincipalId,
    environment: {
      ...process.env,
      AZURE_TENANT_ID: platform.operator.tenantDomain,
      AZURE_CLIENT_ID: daemon.clientId,
      AZURE_AUTHORITY_HOST: platform.origin,
      GRAPH_ENDPOINT: platform.graphUrl,
      NODE_EXTRA_CA_CERTS: platform.caFile,
      NODE_TEST_CONTEXT: undefined,
    },
    pace: paceOf(speed),
    lines: [],
    secretKeyId: '',
    child: new ChildProcess(),
    kills: 0,
  }
  await newSecret(scene)
  return scene
}

const file = (scene: Scene, name: string) => join(scene.folder, name)

/** Writes beside and renames, so that nobody reads half of it. */
async function replace(scene: Scene, name: string, text: string): Promise<void> {
  const beside = `${file(scene, name)}.new`
  await writeFile(beside, text, { mode: 0o600 })
  await rename(beside, file(scene, name))
}

async function newSecret(scene: Scene): Promise<void> {
  const added = await scene.directory.post(`/applications/${scene.applicationId}/addPassword`, {})
  const { keyId, secretText } = added as { readonly keyId: string; readonly secretText: string }
  await replace(scene, 'secret', secretText)
  scene.secretKeyId = keyId
}

async function start(scene: Scene): Promise<void> {
  const program = join(import.meta.dirname, 'service-daemon.ts')
  const { startMs, speed } = scene.pace
  const files = [file(scene, 'daemon'), file(scene, 'people.csv'), file(scene, 'secret')]
  const args = ['--conditions=@tomte/source', '--disable-warning=ExperimentalWarning', program, ...files]
  const child = spawn(process.execPath, [...args, String(startMs), String(speed)], {
    env: scene.environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    scene.lines.push(...parts)
    child.emit('lines')
  })
  scene.child = child
  await logged(scene, (line) => line.includes('"event":"daemon_ready"'), scene.lines.length)
}

/** Waits for a line of the log after so many. */
async function logged(scene: Scene, fits: (line: string) => boolean, after: number): Promise<void> {
  const limit = AbortSignal.timeout(LAST_RUN_WITHIN_MS)
  while (!scene.lines.slice(after).some(fits)) await once(scene.child, 'lines', { signal: limit })
}

const drills = (scene: Scene, method: 'POST' | 'DELETE', path: string, body?: object) =>
  httpsJson(method, `${scene.platform.origin}/drills${path}`, scene.platform.ca, body)

const endFaults = async (scene: Scene) => void (await drills(scene, 'DELETE', '/faults'))

const PAUSE_MS = 4_000
const pause = (scene: Scene, random: () => number) =>
  sleep((PAUSE_MS * (0.5 + random()) * SPEED) / scene.pace.speed)

const underFault =
  (fault: object) =>
  async (scene: Scene, random: () => number): Promise<void> => {
    await drills(scene, 'POST', '/faults', fault)
    await pause(scene, random)
    await endFaults(scene)
  }

/** What happens to the daemon and its directory, one after the other. */
const TROUBLES: readonly ((scene: Scene, random: () => number) => Promise<void>)[] = [
  pause,
  underFault({ target: 'token', kind: 'status', status: 503 }),
  underFault({ target: 'directory', kind: 'status', status: 429, retryAfterSeconds: 1, rate: 0.3 }),
  killed,
  underFault({ target: 'directory', kind: 'cut', rate: 0.2 }),
  underFault({ target: 'batch-item', kind: 'status', status: 503, rate: 0.1 }),
  killed,
  secretEnds,
]

async function killed(scene: Scene, random: () => number): Promise<void> {
  const { child } = scene
  await pause(scene, random)
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  scene.kills += 1
  await start(scene)
}

/** The secret ends and so do its tokens; a while later there is a new one in the daemon's file. */
async function secretEnds(scene: Scene, random: () => number): Promise<void> {
  await drills(scene, 'POST', `/credentials/${scene.secretKeyId}/expire`)
  await drills(scene, 'DELETE', `/servicePrincipals/${scene.servicePrincipalId}/tokens`)
  await pause(scene, random)
  await newSecret(scene)
}

interface Person {
  readonly id: string
  title: string
  left: boolean
}

function newStaff(count: number): Person[] {
  return Array.from({ length: count }, (_, index) => ({ id: `E${index + 1}`, title: 'Planner', left: false }))
}

const TITLES = ['Planner', 'Welder', 'Head', 'Nurse', 'Driver']

/** Three join, six move, one leaves. */
function change(staff: Person[], random: () => number): void {
  for (let number = 0; number < 3; number += 1)
    staff.push({ id: `E${staff.length + 1}`, title: 'New', left: false })
  const one = () => staff[Math.floor(random() * staff.length)]
  for (let number = 0; number < 6; number += 1) {
    const person = one()
    if (person && !person.left) person.title = TITLES[Math.floor(random() * TITLES.length)] ?? 'Planner'
  }
  const leaver = one()
  if (leaver) leaver.left = true
}

async function writePeople(scene: Scene, staff: readonly Person[]): Promise<void> {
  const rows = staff.map(({ id, title, left }) => {
    const values: Readonly<Record<string, string>> = {
      employeeId: id,
      givenName: 'Åsa',
      surname: 'Berg',
      username: `asa.${id}`,
      jobTitle: title,
      endDate: left ? '2020-01-31' : '',
    }
    return COLUMNS.map((column) => values[column] ?? '').join(',')
  })
  await replace(scene, 'people.csv', `${[COLUMNS.join(','), ...rows].join('\n')}\n`)
}

/** Two runs later, one has begun after the last change of the file. */
async function lastRun(scene: Scene): Promise<void> {
  const isEnd = (line: string) => line.includes('"event":"run_finished"')
  for (let number = 0; number < 2; number += 1) {
    const after = scene.lines.length
    await logged(scene, isEnd, after)
  }
}

async function stop(scene: Scene): Promise<number | null> {
  const { child } = scene
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const [code] = (await gone) as [number | null]

  return code
}

async function rowOf(scene: Scene, staff: readonly Person[], code: number | null) {
  const history = await readHistory(file(scene, 'daemon'))
  const wrong = await wrongPeople(scene, staff)
  const { runs, finished, doubled, dead, deaths, failures, unfinished } = history
  const secrets = scene.lines.filter((line) => /eyJ[\w-]{8,}\.eyJ|client_secret=[^[]/.test(line)).length
  const met = code === 0 && wrong === 0 && doubled === 0 && dead === 0 && secrets === 0 && unfinished <= 1
  return {
    what: `${runs} runs of the history: ${finished} finished, ${failures} attempts failed, ${deaths} deaths by ${scene.kills} kills; ${staff.length} people, ${wrong} wrong`,
    calls: runs,
    failed: wrong + doubled + dead + secrets,
    longestWaitMs: history.longestGapMs / scene.pace.speed,
    tokenRequests: history.tokenRequests,
    withoutRenewals: true,
    goal: 'everybody once and as the file says, no firing twice, no run lost or dead, no secret logged, exit code 0',
    met: met && finished > 0 && scene.kills > 0,
  }
}

/** People who are not there exactly once, or not as the file says. */
async function wrongPeople({ directory }: Scene, staff: readonly Person[]): Promise<number> {
  const found = new Map<unknown, { readonly jobTitle: unknown; readonly accountEnabled: unknown }[]>()
  for await (const user of directory.pages('/users?$select=employeeId,jobTitle,accountEnabled&$top=999')) {
    const person = user as { employeeId: unknown; jobTitle: unknown; accountEnabled: unknown }
    found.set(person.employeeId, [...(found.get(person.employeeId) ?? []), person])
  }
  return staff.filter(({ id, title, left }) => {
    const there = found.get(id) ?? []
    const [person] = there
    // Whoever joined and left between two runs was never to be created.
    if (there.length === 0) return !left
    return there.length > 1 || person?.jobTitle !== title || person.accountEnabled === left
  }).length
}
