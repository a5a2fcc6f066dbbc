import { after } from '../clock.ts'
import type { Drills } from './drills.ts'
import { DrillError, type Fault, readFault } from './fault.ts'

/** A fault that begins by itself. */
export interface ScriptedFault {
  /** Milliseconds after the start of the platform. */
  readonly afterMs: number
  readonly fault: Fault
}

const STEPS_MAX = 100
const AFTER_SECONDS_MAX = 24 * 60 * 60

/** Reads the `drills` of a state file: `{"at":30,"fault":{…}}`, `at` in seconds after the start. @throws DrillError */
export function readScript(steps: readonly unknown[]): readonly ScriptedFault[] {
  if (steps.length > STEPS_MAX) throw new DrillError(`At most ${STEPS_MAX} drills can be scripted.`)
  return steps.map((step, index) => {
    const { at, fault, ...others } = (step ?? {}) as Readonly<Record<string, unknown>>
    const path = `$.drills[${index}]`
    if (typeof at !== 'number' || !(at >= 0 && at <= AFTER_SECONDS_MAX) || Object.keys(others).length > 0)
      throw new DrillError(
        `${path}: 'at', in seconds from 0 to ${AFTER_SECONDS_MAX}, and 'fault' are needed.`,
      )
    try {
      return { afterMs: at * 1000, fault: readFault(fault) }
    } catch (error) {
      throw error instanceof DrillError ? new DrillError(`${path}.fault: ${error.message}`) : error
    }
  })
}

/** Begins the faults when their time comes; the returned function ends the waiting. */
export function runScript(script: readonly ScriptedFault[], drills: Drills): () => void {
  const endings = script.map(({ afterMs, fault }) => after(afterMs, () => void drills.add(fault)))
  return () => {
    for (const end of endings) end()
  }
}
