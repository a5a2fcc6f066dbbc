import type { Api, Write } from '@tomte/client'
import type { StatedChange } from './change.ts'
import type { PlanRecorder } from './plan.ts'

/** The web APIs of a daemon, by their names. */
export type Apis = Readonly<Record<string, Api>>

/** Does what no API of the daemon sees, unless the run is a rehearsal. */
export type Change = <Result>(
  what: StatedChange,
  effect: () => Promise<Result>,
) => Promise<Result | undefined>

/** Where an attempt has its effects: in the world, or in a plan. */
export interface Stage {
  readonly rehearsal: boolean
  readonly api: Apis
  readonly change: Change
}

/** Every effect is one. */
export const realStage = (api: Apis): Stage => ({ rehearsal: false, api, change: (_, effect) => effect() })

/** No effect is one: reads pass, writes are written down and answered as if they had been done. */
export function rehearsalStage(api: Apis, recorder: PlanRecorder): Stage {
  return {
    rehearsal: true,
    api: overseen(api, (name) => ({
      write: async (write) => answerTo(write, recorder.write(name, write)),
      read: (_, body) => recorder.read(body),
    })),
    change: async (what) => {
      recorder.state(what)
      return undefined
    },
  }
}

/** The same APIs, each with its overseer. */
export function overseen(api: Apis, overseerOf: (name: string) => Parameters<Api['overseen']>[0]): Apis {
  return Object.fromEntries(
    Object.entries(api).map(([name, each]) => [name, each.overseen(overseerOf(name))]),
  )
}

/** What a success would answer: what was created with its id, or nothing. */
function answerTo({ body }: Write, id: string | undefined) {
  if (id === undefined) return { status: 204, headers: {}, body: undefined }
  return { status: 201, headers: {}, body: { ...body, id } }
}
