import { access, constants, type FileHandle, open } from 'node:fs/promises'
import { posix, win32 } from 'node:path'
import type { Environment } from '../config.ts'
import { ConfigurationError, ProtocolError } from '../errors.ts'
import { endpointIn, PATIENCE_MS, type Source, valueOf } from './source.ts'

/** Where Azure Arc's agent keeps its things; a test has a place of its own. */
export interface ArcPlaces {
  readonly platform?: NodeJS.Platform | undefined
  /** The agent itself: that it is there shows the machine to be connected. */
  readonly agentFile?: string | undefined
  /** The only folder that key files may be in. */
  readonly keyFolder?: string | undefined
}

const DEFAULT_ENDPOINT = 'http://127.0.0.1:40342/metadata/identity/oauth2/token'
const KEY_BYTES_MAX = 4096

/** A server that Azure Arc connects: a key file that only its administrators can read proves the program (wire.md §10.3). */
export async function azureArc(
  environment: Environment,
  { platform = process.platform, agentFile, keyFolder }: ArcPlaces = {},
): Promise<Source | undefined> {
  const windows = platform === 'win32'
  const url = valueOf(environment, 'IDENTITY_ENDPOINT')
  const named = url !== undefined && valueOf(environment, 'IMDS_ENDPOINT') !== undefined
  const agent = agentFile ?? (windows ? windowsAgent(environment) : '/opt/azcmagent/bin/himds')
  if (!named && !(await isThere(agent))) return undefined
  const folder = keyFolder ?? (windows ? windowsKeys(environment) : '/var/opt/azcmagent/tokens')
  return {
    name: 'Azure Arc',
    endpoint: endpointIn('IDENTITY_ENDPOINT', named ? url : DEFAULT_ENDPOINT),
    method: 'GET',
    headers: { metadata: 'true' },
    parameters: { 'api-version': '2020-06-01' },
    selectors: {},
    passing: {},
    patienceMs: PATIENCE_MS,
    prove: async (challenge) => {
      const file = keyFileOf(challenge, folder, windows ? win32 : posix)
      return { authorization: `Basic ${await readKey(file)}` }
    },
  }
}

const windowsAgent = (environment: Environment) =>
  win32.join(
    valueOf(environment, 'ProgramFiles') ?? 'C:\\Program Files',
    'AzureConnectedMachineAgent',
    'himds.exe',
  )

const windowsKeys = (environment: Environment) =>
  win32.join(valueOf(environment, 'ProgramData') ?? 'C:\\ProgramData', 'AzureConnectedMachineAgent', 'Tokens')

const isThere = (file: string) =>
  access(file, constants.R_OK).then(
    () => true,
    () => false,
  )

/** Whoever answers in the agent's place must not make this program read, and send, any file it can read. */
function keyFileOf(challenge: string | undefined, folder: string, path: typeof posix): string {
  const file = /^Basic realm="?([^"]+)"?$/i.exec(challenge?.trim() ?? '')?.[1] ?? ''
  const { dir, base, ext } = path.parse(file)
  const isKey = ext === '.key' && base !== ext && path.normalize(file) === file
  if (isKey && path.relative(folder, dir) === '' && path.isAbsolute(file)) return file
  throw new ProtocolError(
    `Cannot prove this program to Azure Arc, as its challenge must name a .key file in '${folder}': found '${file.slice(0, 200)}'`,
    {
      code: 'arc_challenge_invalid',
      hint: 'Check that it is the Azure Connected Machine agent that listens at IDENTITY_ENDPOINT',
    },
  )
}

async function readKey(file: string): Promise<string> {
  let handle: FileHandle | undefined
  try {
    // A link could lead to any file, and a pipe would never answer.
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
    handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const stats = await handle.stat()
    if (!stats.isFile() || stats.size > KEY_BYTES_MAX)
      throw unreadable(file, `no file of at most ${KEY_BYTES_MAX} bytes`)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(KEY_BYTES_MAX), 0, KEY_BYTES_MAX, 0)
    const key = buffer.toString('utf8', 0, bytesRead).trim()
    if (/^[\x21-\x7e]+$/.test(key)) return key
    throw unreadable(file, 'no text for a header')
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    throw unreadable(file, error instanceof Error && 'code' in error ? String(error.code) : 'unknown error')
  } finally {
    await handle?.close()
  }
}

const unreadable = (file: string, found: string) =>
  new ConfigurationError(
    `Cannot read the key file '${file}', by which Azure Arc proves its callers: found ${found}`,
    {
      code: 'arc_key_unreadable',
      hint: "Run the program as a member of the group 'himds', or as an administrator",
    },
  )
