import { exportPlatform } from '@tomte/platform'
import type { Output } from './output.ts'

/** `tomte platform export`: prints the state of a platform that does not run, as a seed. */
export async function exportCommand(
  { data, database }: { readonly data: string; readonly database?: string | undefined },
  output: Output,
): Promise<void> {
  const state = await exportPlatform({ dataFolder: data, database })
  await output.result(state, JSON.stringify(state, undefined, 2))
}
