import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { bareClient } from '../floors/bare-request.ts'

/** How the authority answers token requests from now on. */
export interface Script {
  readonly delayMs: number
  readonly refreshIn: number
  readonly status: number
}

export interface ScriptedAuthority {
  readonly origin: string
  /** The PEM certificate to trust, and the file that holds it. */
  readonly ca: string
  readonly caFile: string
  /** Sets how it answers (what is not named goes back to normal), and resolves with the token requests since last time. */
  readonly control: (script?: Partial<Script>) => Promise<number>
  readonly stop: () => Promise<void>
}

/** Starts the authority in a process of its own, and makes this process trust it. */
export async function startAuthority(): Promise<ScriptedAuthority> {
  const program = join(import.meta.dirname, 'authority-process.ts')
  const child = spawn(process.execPath, ['--conditions=@tomte/source', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line', {
    signal: AbortSignal.timeout(30_000),
  })) as [string]
  const { port, ca } = JSON.parse(line) as { port: number; ca: string }
  const folder = await mkdtemp(join(tmpdir(), 'tomte-bench-'))
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, ca)
  trust(ca)
  const origin = `https://localhost:${port}`
  const post = bareClient(ca)
  return {
    origin,
    ca,
    caFile,
    control: async (script = {}) => {
      const { tokenRequests } = JSON.parse(await post(`${origin}/control`, JSON.stringify(script)))
      return Number(tokenRequests)
    },
    stop: async () => {
      child.stdin.end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The peers take their certificate authorities from the process. */
export function trust(ca: string): void {
  setDefaultCACertificates([...getCACertificates('default'), ca])
}

export const SCOPE = 'https://graph.microsoft.com/.default'
export const CLIENT = '22222222-bbbb-4bbb-8bbb-000000000002'
export const SECRET = 'a~secret.as_long-as.those-of_Entra~now'

/** The id of the numbered tenant. */
export const tenantId = (number: number): string =>
  `11111111-aaaa-4aaa-8aaa-${number.toString(16).padStart(12, '0')}`
