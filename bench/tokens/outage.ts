// The authority answers 503 for 20 s; tokens last another hour, but are past their renewal point. Four calls a second.
import { setTimeout as sleep } from 'node:timers/promises'
import { azureIdentity, type GetToken, msalNode, ours } from '../peers/clients.ts'
import { type Row, row } from '../row.ts'
import { type ScriptedAuthority, tenantId } from './authority.ts'

const OUTAGE_MS = 20_000
const BETWEEN_CALLS_MS = 250
// The outage and three seconds after it.
const CALLS = (OUTAGE_MS + 3_000) / BETWEEN_CALLS_MS

export async function outage(authority: ScriptedAuthority): Promise<Row[]> {
  const clients = [ours, msalNode, azureIdentity].map((make, place) => make(authority, tenantId(3 + place)))
  await authority.control({ refreshIn: 1 })
  await Promise.all(clients.map((get) => get()))
  // The peers count in whole seconds, and renew only when more of them than `refreshIn` have passed.
  await sleep(2_500)
  await authority.control({ status: 503 })
  const switched = sleep(OUTAGE_MS).then(() => authority.control())
  // Side by side, so that all see the same outage.
  const [mine, msal, azure] = await Promise.all(clients.map(served))
  await switched
  const shared = { what: '503 for 20 s past renewal, calls served', ours: mine ?? Number.NaN, unit: 'calls' }
  // Calls that were served, not those that failed: a ratio to nothing says nothing.
  return [
    row({ ...shared, theirs: CALLS, against: 'limit', goal: `>= ${CALLS}` }),
    row({ ...shared, theirs: msal ?? Number.NaN, against: 'msal-node', goal: '>= 1' }),
    row({ ...shared, theirs: azure ?? Number.NaN, against: '@azure/identity', goal: '>= 1' }),
  ]
}

/** Calls at a steady rate, whether or not earlier calls are back, and resolves with how many got a token. */
async function served(get: GetToken): Promise<number> {
  const calls: Promise<boolean>[] = []
  for (let call = 0; call < CALLS; call++) {
    calls.push(
      get().then(
        () => true,
        () => false,
      ),
    )
    await sleep(BETWEEN_CALLS_MS)
  }
  return (await Promise.all(calls)).filter(Boolean).length
}
