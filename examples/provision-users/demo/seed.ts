import { type Api, type BatchRequest, ProtocolError } from '@tomte/client'
import { type DirectoryPerson, existingPeople } from '../hr/directory.ts'
import { company, SEED } from '../hr/population.ts'
import { newPassword, refusalOf } from '../job/directory.ts'

type Progress = (done: number, total: number, what: string) => void

/**
 * Fills the tenant with the people it had before the export: through the directory's own API, so that an interrupted start
 * finds what is there and adds the rest.
 */
export async function seedDirectory(
  directory: Api,
  domain: string,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<number> {
  const people = existingPeople(company(SEED))
  const known = await knownPeople(directory)
  const missing = people.filter(({ userName }) => !known.has(`${userName}@${domain}`))
  await send(
    directory,
    missing.map((person) => ({ method: 'POST', url: '/users', body: account(person, domain) })),
    (done) => {
      signal.throwIfAborted()
      progress(done, missing.length, 'people')
    },
  )
  const ids = await knownPeople(directory)
  const byEmployeeId = new Map(
    people.map((person) => [person.employeeId, ids.get(`${person.userName}@${domain}`)]),
  )
  const managed = people.flatMap((person): BatchRequest[] => {
    const managerId = person.managerId === undefined ? undefined : byEmployeeId.get(person.managerId)
    const id = ids.get(`${person.userName}@${domain}`)
    if (managerId === undefined || id === undefined) return []
    return [
      {
        method: 'PUT',
        url: `/users/${id}/manager/$ref`,
        body: { '@odata.id': `${directory.baseUrl}users/${managerId}` },
      },
    ]
  })
  await send(directory, managed, (done) => {
    signal.throwIfAborted()
    progress(done, managed.length, 'managers')
  })
  return people.length
}

/** Object ids by user principal name. */
async function knownPeople(directory: Api): Promise<Map<string, string>> {
  const known = new Map<string, string>()
  for await (const user of directory.pages('/users?$select=id,userPrincipalName&$top=999')) {
    const { id, userPrincipalName } = user as { readonly id: string; readonly userPrincipalName: string }
    known.set(userPrincipalName, id)
  }
  return known
}

const CHUNK = 100

async function send(
  directory: Api,
  requests: readonly BatchRequest[],
  done: (count: number) => void,
): Promise<void> {
  for (let start = 0; start < requests.length; start += CHUNK) {
    const chunk = requests.slice(start, start + CHUNK)
    for (const { status, body } of await directory.batch(chunk)) {
      if (status >= 300)
        throw new ProtocolError(`Cannot fill the directory: ${refusalOf(body, status)}`, {
          code: 'seed_refused',
        })
    }
    done(start + chunk.length)
  }
}

function account(person: DirectoryPerson, domain: string): object {
  const { userName, managerId: _, employeeId, ...profile } = person
  return {
    ...profile,
    ...(employeeId === undefined ? {} : { employeeId }),
    mailNickname: userName,
    userPrincipalName: `${userName}@${domain}`,
    passwordProfile: { password: newPassword(), forceChangePasswordNextSignIn: true },
  }
}
