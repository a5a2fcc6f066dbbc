import { CLOUDS, cloudOf } from '../authority/clouds.ts'
import type { Identity } from '../identity/identity.ts'
import { Api, type ApiOptions } from './api.ts'
import { GRAPH_PERMISSIONS } from './graph-permissions.ts'

/** As {@link ApiOptions}; the default is Microsoft Graph in the identity's own cloud. */
export type GraphOptions = { readonly [Name in keyof ApiOptions]?: ApiOptions[Name] | undefined }

// Actions of Graph that ask by POST, since what they ask about is too long for a URL.
const READING_ACTIONS: ReadonlySet<string> = new Set([
  'checkMemberGroups',
  'checkMemberObjects',
  'getByIds',
  'getMemberGroups',
  'getMemberObjects',
  'getAvailableExtensionProperties',
  'query',
  'validateProperties',
])

/**
 * Microsoft Graph, or a directory that speaks like it, as this identity sees it.
 *
 * @throws ConfigurationError if the base URL cannot be used.
 * @example
 * ```ts
 * import { AppIdentity, graph, identityFromEnvironment } from '@tomte/client'
 * const directory = graph(new AppIdentity(identityFromEnvironment(process.env)))
 * for await (const user of directory.pages('/users?$select=id,displayName')) console.log(user)
 * ```
 */
export function graph(identity: Identity, options: GraphOptions = {}): Api {
  const { graph: origin } = cloudOf(identity.authority?.host ?? '') ?? CLOUDS.AzurePublicCloud
  const { baseUrl = `${origin}/v1.0`, scope = `${origin}/.default`, ...others } = options
  return new Api(
    identity,
    { ...others, baseUrl, scope },
    { permissions: GRAPH_PERMISSIONS, heedsPriority: true, readingActions: READING_ACTIONS },
  )
}
