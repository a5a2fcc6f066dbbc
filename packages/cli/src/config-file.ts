import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Daemon, JobError } from '@tomte/jobs'

/**
 * Loads the daemon that a file exports by default. A file that has been loaded before is read again under another `edition`; what it
 * imports itself is not, until the program is started anew.
 *
 * @throws JobError `config_unusable`
 */
export async function loadDaemon(config: string, edition = 0): Promise<Daemon> {
  const url = pathToFileURL(resolve(config))
  if (edition > 0) url.searchParams.set('edition', String(edition))
  let loaded: { readonly default?: unknown }
  try {
    loaded = (await import(url.href)) as typeof loaded
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    throw unusable(config, found, error)
  }
  const daemon = loaded.default
  if (typeof daemon === 'object' && daemon !== null && 'jobs' in daemon && 'apis' in daemon)
    return daemon as Daemon
  throw unusable(config, 'it has no default export made by defineDaemon()')
}

function unusable(config: string, found: string, cause?: unknown): JobError {
  return new JobError(
    `Cannot load the daemon from '${config}', as a module that exports defineDaemon(…) is needed: ${found}`,
    {
      code: 'config_unusable',
      hint: 'Run the command where tomte.config.ts is, or name it with --config',
      ...(cause === undefined ? {} : { cause }),
    },
  )
}
