import { resolve } from 'node:path'
import { runDaemon } from '@tomte/jobs'
import { loadDaemon } from './config-file.ts'
import type { Output } from './output.ts'

export interface DaemonArguments {
  readonly config: string
  readonly data: string
  readonly database?: string | undefined
  /** In seconds. */
  readonly grace: number
  readonly statusHost?: string | undefined
  readonly statusPort: number
  readonly statusName?: readonly string[] | undefined
  readonly exposeStatus?: boolean | undefined
}

/** `tomte run` without a job: the daemon in the foreground, until it is told to stop. */
export async function daemonCommand(options: DaemonArguments, output: Output): Promise<void> {
  let edition = 0
  const code = await runDaemon({
    load: () => loadDaemon(options.config, edition++),
    configFile: resolve(options.config),
    environment: process.env,
    dataFolder: options.data,
    databaseUrl: options.database,
    graceMs: options.grace * 1000,
    statusHost: options.statusHost,
    statusPort: options.statusPort,
    statusNames: options.statusName,
    exposeStatus: options.exposeStatus,
    sink: process.stdout,
    plain: process.stdout.isTTY && !output.json,
    signals: process,
    process,
    exit: (status) => process.exit(status),
  })
  // What is left is a job that heeds no signal, and would keep the process for ever.
  process.exit(code)
}
