import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { bareClient } from '../floors/bare-request.ts'
import { trust } from '../tokens/authority.ts'

/** How the directory answers from now on. */
export interface DirectoryScript {
  /** How long one request takes, and how long one batch, in milliseconds. */
  readonly requestMs: number
  readonly batchMs: number
  /** How many items of batches are granted in ten seconds. */
  readonly bucketUnits: number
  /** How many users there are to be listed. */
  readonly users: number
}

/** What happened in ten seconds. */
export interface Bucket {
  readonly granted: number
  readonly throttled: number
}

/** What the directory has done since it was asked last. */
export interface Done {
  readonly people: number
  readonly buckets: readonly Bucket[]
}

export interface ScriptedDirectory {
  readonly origin: string
  /** The PEM certificate to trust. */
  readonly ca: string
  /** Sets how it answers (what is not named goes back to normal), and resolves with what it has done since last time. */
  readonly control: (script?: Partial<DirectoryScript>) => Promise<Done>
  readonly stop: () => void
}

/** Starts the directory in a process of its own, and makes this process trust it. */
export async function startDirectory(): Promise<ScriptedDirectory> {
  const program = join(import.meta.dirname, 'directory-process.ts')
  const child = spawn(process.execPath, ['--conditions=@tomte/source', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line', {
    signal: AbortSignal.timeout(30_000),
  })) as [string]
  const { port, ca } = JSON.parse(line) as { port: number; ca: string }
  trust(ca)
  const origin = `https://localhost:${port}`
  const post = bareClient(ca)
  return {
    origin,
    ca,
    control: async (script = {}) =>
      JSON.parse(await post(`${origin}/control`, JSON.stringify(script))) as Done,
    stop: () => void child.stdin.end(),
  }
}
