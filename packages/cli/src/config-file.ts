import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Daemon, JobError } from '@tomte/jobs'
import { freshModule } from './fresh-modules.ts'

/**
 * Loads the daemon that a file exports by default. Under another `edition` it is read again, and so is what it imports by a path.
 *
 * @throws JobError `config_unusable`
 */
export async function loadDaemon(config: string, edition = 0): Promise<Daemon> {
  const url = freshModule(pathToFileURL(resolve(config)).href, edition)
  let loaded: { readonly default?: unknown }
  try {
    loaded = (await import(url)) as typeof loaded
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
