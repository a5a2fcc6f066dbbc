import type { Principal } from '../claims.ts'
import type { Guard } from '../guard.ts'
import type { RequiredRoles } from '../permission.ts'
import { GuardRefusal } from '../refusal.ts'

/** One request at the guard, and where it goes from there. */
export interface Passage {
  readonly guard: Pick<Guard, 'judge'>
  readonly authorization: string | undefined
  /** Who may call; `undefined` where no permission is declared, which nobody passes. */
  readonly required: RequiredRoles | undefined
  readonly enter: (principal: Principal) => void
  readonly refuse: (error: unknown) => void
}

/** Takes a request past the guard; at once, without a promise, where nothing has to be fetched. */
export function pass({ guard, authorization, required, enter, refuse }: Passage): void {
  if (required === undefined) return void unlisted(guard, authorization).catch(refuse)
  let judged: Principal | Promise<Principal>
  try {
    judged = guard.judge(authorization, required)
  } catch (error) {
    return refuse(error)
  }
  if (judged instanceof Promise) judged.then(enter, refuse)
  else enter(judged)
}

const ANYBODY = { applications: 'any application', users: 'any user' } as const

/** Only who has a good token learns that a route is not there. @throws GuardRefusal always. */
export async function unlisted(
  guard: Pick<Guard, 'judge'>,
  authorization: string | undefined,
): Promise<never> {
  await guard.judge(authorization, ANYBODY)
  throw new GuardRefusal('route_unlisted', 'no permission is declared for this method and path')
}
