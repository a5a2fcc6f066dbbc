// Brings a directory to what a file says when any answer may be lost: who is not known to be there is looked up before being
// created, as often as it takes.
import { randomUUID } from 'node:crypto'
import type { Api, BatchRequest } from '@tomte/client'

/** One person as a file says, and as the directory shall. */
export interface Wanted {
  readonly employeeId: string
  readonly displayName: string
  readonly jobTitle: string
}

interface Found {
  readonly id: string
  readonly employeeId: string
  readonly displayName: string
  readonly jobTitle: string | null
}

// Graph takes no more values in one `in`.
const IN_MAX = 15
// Each round settles nearly all of what the one before it has left.
const ROUNDS_MAX = 60

/** Upserts all people; resolves with the number of rounds that took. */
export async function upsert(directory: Api, domain: string, people: readonly Wanted[]): Promise<number> {
  let open = people
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    open = await settleRound(directory, domain, open)
    if (open.length === 0) return round
  }
  throw new Error(`Cannot upsert ${open.length} people in ${ROUNDS_MAX} rounds`)
}

/** Does what can be done in one go, and returns those of whom it is not known that they are as they should be. */
async function settleRound(
  directory: Api,
  domain: string,
  open: readonly Wanted[],
): Promise<readonly Wanted[]> {
  const { found, unknown } = await lookUp(directory, open)
  const known = open.filter(({ employeeId }) => !unknown.has(employeeId))
  const work = known.flatMap((person) => {
    const request = requestFor(person, found.get(person.employeeId), domain)
    return request === undefined ? [] : [{ person, request }]
  })
  const answers = await directory.batchSettled(work.map(({ request }) => request))
  const undone = work.filter((_, index) => {
    const { status = 0, error } = answers[index] ?? {}
    if (error === undefined && status >= 300) throw new Error(`Cannot upsert a person: status ${status}`)
    return error !== undefined
  })
  return [...open.filter(({ employeeId }) => unknown.has(employeeId)), ...undone.map(({ person }) => person)]
}

async function lookUp(directory: Api, people: readonly Wanted[]) {
  const chunks = Array.from({ length: Math.ceil(people.length / IN_MAX) }, (_, index) =>
    people.slice(index * IN_MAX, (index + 1) * IN_MAX),
  )
  const answers = await directory.batchSettled(
    chunks.map((chunk) => ({ method: 'GET', url: lookUpUrl(chunk) })),
  )
  const found = new Map<string, Found>()
  const unknown = new Set<string>()
  for (const [index, chunk] of chunks.entries()) {
    const answer = answers[index]
    if (answer?.status !== 200) for (const { employeeId } of chunk) unknown.add(employeeId)
    else
      for (const user of (answer.body as { readonly value: Found[] }).value) found.set(user.employeeId, user)
  }
  return { found, unknown }
}

function lookUpUrl(chunk: readonly Wanted[]): string {
  const filter = `employeeId in (${chunk.map(({ employeeId }) => `'${employeeId}'`).join(',')})`
  return `/users?$select=id,employeeId,displayName,jobTitle&$filter=${encodeURIComponent(filter)}`
}

function requestFor(person: Wanted, found: Found | undefined, domain: string): BatchRequest | undefined {
  const { employeeId, displayName, jobTitle } = person
  if (found === undefined) return { method: 'POST', url: '/users', body: newPerson(person, domain) }
  if (found.displayName === displayName && found.jobTitle === jobTitle) return undefined
  // Written again, it says the same.
  return {
    method: 'PATCH',
    url: `/users/${found.id}`,
    body: { employeeId, displayName, jobTitle },
    repeatable: true,
  }
}

/** The name differs each time, so that nothing in the directory keeps a person from being created twice. */
export function newPerson(person: Wanted, domain: string): object {
  const name = `p${person.employeeId}-${randomUUID().slice(0, 8)}`
  return {
    ...person,
    accountEnabled: true,
    mailNickname: name,
    userPrincipalName: `${name}@${domain}`,
    passwordProfile: { password: `${randomUUID()}aA1-`, forceChangePasswordNextSignIn: true },
  }
}
