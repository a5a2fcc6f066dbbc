interface Order {
  readonly number: string
  readonly item: string
  readonly quantity: number
}

const ORDERS: readonly Order[] = [
  { number: '1001', item: 'lantern', quantity: 12 },
  { number: '1002', item: 'porridge bowl', quantity: 3 },
]

/** What a path below `/orders` stands for, `undefined` for an order that is not there. */
export function orders(url: string): object | undefined {
  const [, , number] = new URL(url, 'https://localhost').pathname.split('/')
  return number === undefined ? { value: ORDERS } : ORDERS.find((order) => order.number === number)
}
