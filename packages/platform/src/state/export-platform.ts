import { openStore } from '../store/store.ts'
import { type ExportedState, exportState } from './export.ts'

/** Where a state is read. */
export interface ExportOptions {
  /** The data folder; no platform may be running on it. */
  readonly dataFolder: string
  /** The address of the PostgreSQL that holds the data in place of SQLite. */
  readonly database?: string | undefined
}

/**
 * Reads the state of a platform that does not run, as a file that can be a seed: no secret, no hash of a client secret and no
 * signing key is in it.
 *
 * @throws PlatformError if the data cannot be opened, as when a platform runs on the folder.
 * @example
 * ```ts
 * import { exportPlatform } from '@tomte/platform'
 * console.log(JSON.stringify(await exportPlatform({ dataFolder: '.tomte' }), undefined, 2))
 * ```
 */
export async function exportPlatform(options: ExportOptions): Promise<ExportedState> {
  const store = await openStore(options)
  try {
    return await exportState(store.db)
  } finally {
    await store.close()
  }
}
