import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Platform } from '@tomte/platform'
import type { Failure } from 'tomte'
import type { RegisteredDaemon } from './registration.ts'

/** How the daemon's process ended: its JSON document, which is a result or a failure. */
export type DaemonOutcome = { readonly result: object } | { readonly failure: Failure }

/** The variables that make the very same daemon work against this platform instead of the cloud. */
export function daemonEnvironment(platform: Platform, daemon: RegisteredDaemon): Record<string, string> {
  return {
    AZURE_TENANT_ID: platform.operator.tenantDomain,
    AZURE_CLIENT_ID: daemon.clientId,
    AZURE_CLIENT_CERTIFICATE_PATH: daemon.certificateFile,
    AZURE_AUTHORITY_HOST: platform.origin,
    GRAPH_ENDPOINT: platform.graphUrl,
    NODE_EXTRA_CA_CERTS: platform.caFile,
  }
}

const program = fileURLToPath(new URL('../provision.ts', import.meta.url))

/** Runs the daemon as the separate program it is; what it tells people goes straight to the terminal. */
export function runDaemon(
  environment: NodeJS.ProcessEnv,
  dataFolder: string,
  signal: AbortSignal,
): Promise<DaemonOutcome> {
  const child = spawn(process.execPath, [...process.execArgv, program, '--data', dataFolder, '--json'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = () => child.kill('SIGTERM')
  signal.addEventListener('abort', stop, { once: true })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, killedBy) => {
      signal.removeEventListener('abort', stop)
      const text = Buffer.concat(chunks).toString('utf8')
      resolve(
        outcome(text) ?? {
          failure: {
            code: 'daemon_died',
            message: `The daemon ended without a result: ${killedBy ?? `exit code ${code}`}`,
          },
        },
      )
    })
  })
}

function outcome(text: string): DaemonOutcome | undefined {
  try {
    const document: unknown = JSON.parse(text)
    if (typeof document !== 'object' || document === null) return undefined
    return 'error' in document ? { failure: document.error as Failure } : { result: document }
  } catch {
    return undefined
  }
}
