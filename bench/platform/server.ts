import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Cores } from './cores.ts'

/** A server in a process of its own, which prints one line when it is ready and lives until its standard input ends. */
export interface MeasuredServer {
  readonly port: number
  /** The certificate to trust, PEM. */
  readonly ca: string
  readonly pid: number
  /** From the start of the process to its line. */
  readonly readyMs: number
  stop(): Promise<void>
}

const READY_WITHIN_MS = 60_000

/** Starts a program of `bench/` on these cores. */
export async function startServer(
  program: string,
  cores: Cores,
  environment: Readonly<Record<string, string>> = {},
): Promise<MeasuredServer> {
  const file = join(import.meta.dirname, '..', program)
  const startMs = performance.now()
  const child = spawn('taskset', ['-c', cores, process.execPath, '--conditions=@tomte/source', file], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  const ended = once(child, 'exit')
  const lines = createInterface({ input: child.stdout, signal: AbortSignal.timeout(READY_WITHIN_MS) })
  for await (const line of lines) {
    const readyMs = performance.now() - startMs
    const { port, ca } = JSON.parse(line) as { port: number; ca: string }
    const stop = async () => {
      child.stdin.end()
      await ended
    }
    if (child.pid === undefined) throw new Error(`Cannot measure ${program}: it has no process id`)
    return { port, ca, pid: child.pid, readyMs, stop }
  }
  throw new Error(`Cannot measure ${program}: it ended without saying that it is ready`)
}
