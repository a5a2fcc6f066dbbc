/** One of Entra's clouds; registrations belong to one of them and work in no other (wire.md §2). */
export interface Cloud {
  /** The authority host. */
  readonly login: string
  /** Other names of the same authority. */
  readonly aliases: readonly string[]
  /** Microsoft Graph's own origin, which is also the resource of its tokens. */
  readonly graph: string
  /** The audience of federated credentials (wire.md §5). */
  readonly tokenExchange: string
}

/** The clouds under the names that the Azure tools use. */
export const CLOUDS = {
  AzurePublicCloud: {
    login: 'https://login.microsoftonline.com',
    aliases: ['https://login.windows.net', 'https://login.microsoft.com', 'https://sts.windows.net'],
    graph: 'https://graph.microsoft.com',
    tokenExchange: 'api://AzureADTokenExchange',
  },
  AzureUSGovernment: {
    login: 'https://login.microsoftonline.us',
    aliases: ['https://login.usgovcloudapi.net'],
    graph: 'https://graph.microsoft.us',
    tokenExchange: 'api://AzureADTokenExchangeUSGov',
  },
  AzureChinaCloud: {
    login: 'https://login.partner.microsoftonline.cn',
    aliases: ['https://login.chinacloudapi.cn'],
    graph: 'https://microsoftgraph.chinacloudapi.cn',
    tokenExchange: 'api://AzureADTokenExchangeChina',
  },
} as const satisfies Readonly<Record<string, Cloud>>

/** The name of one of Entra's clouds. */
export type CloudName = keyof typeof CLOUDS

/** The cloud that a name or an authority host stands for, or `undefined` for a host of somebody else. */
export function cloudOf(nameOrOrigin: string): Cloud | undefined {
  const known: readonly (readonly [string, Cloud])[] = Object.entries(CLOUDS)
  return known.find(
    ([name, { login, aliases }]) =>
      name === nameOrOrigin || login === nameOrOrigin || aliases.includes(nameOrOrigin),
  )?.[1]
}
