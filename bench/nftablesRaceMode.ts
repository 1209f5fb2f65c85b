/** What is run, one after the other, and how it is called in the table. */
export const raceModes = {
  'nftables-idle': 'nftables, no transactions',
  nftables: 'nftables, transactions',
  iptables: 'iptables, transactions',
} as const;

/** One of {@link raceModes}. */
export type RaceMode = keyof typeof raceModes;

/** What one mode showed. */
export interface RaceResult {
  readonly mode: RaceMode;
  readonly seconds: number;
  /** Connections tried. */
  readonly connections: number;
  /** Replacements of the Service's rules meanwhile. */
  readonly transactions: number;
  /** Connections that got ECONNREFUSED. */
  readonly refused: number;
  /** Connections that failed in any other way. */
  readonly otherLosses: number;
  /** Packets for the Service's address that were rejected because nothing had translated them. */
  readonly rejectCounter: number;
}

/** Rules of one Service with two endpoints, in the shape that kube-proxy gives them, and how they are replaced. */
export interface Ruleset {
  /** Puts the rules there. */
  readonly install: { readonly argv: readonly string[]; readonly input: string };
  /** Replaces the rules of the Service in one transaction; a file is its last argument. */
  readonly replace: readonly string[];
  /** With one endpoint, with two. */
  readonly replacements: readonly [string, string];
  /** Prints the reject counter. */
  readonly counter: readonly string[];
  readonly counterPattern: RegExp;
}

/** Address and port of the Service. */
export const service = { host: '10.96.0.10', port: 80 };
/** Addresses of its endpoints. */
export const endpoints = { hosts: ['10.244.0.2', '10.244.0.3'], port: 8080 };

/** As kube-proxy's nftables mode: https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/proxy/nftables/proxier.go */
export const nftablesRuleset: Ruleset = {
  install: {
    argv: ['nft', '-f', '-'],
    input: `
add table ip kp
add set ip kp cluster-ips { type ipv4_addr; }
add element ip kp cluster-ips { 10.96.0.10 }
add map ip kp service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
add chain ip kp ep0
add rule ip kp ep0 meta l4proto tcp dnat to 10.244.0.2:8080
add chain ip kp ep1
add rule ip kp ep1 meta l4proto tcp dnat to 10.244.0.3:8080
add chain ip kp svc
add rule ip kp svc numgen random mod 2 vmap { 0 : goto ep0, 1 : goto ep1 }
add chain ip kp services
add rule ip kp services ip daddr . meta l4proto . th dport vmap @service-ips
add chain ip kp nat-output { type nat hook output priority -100; }
add rule ip kp nat-output jump services
add counter ip kp rejected
add chain ip kp cluster-ips-check
add rule ip kp cluster-ips-check ip daddr @cluster-ips counter name rejected reject
add chain ip kp filter-output { type filter hook output priority 10; }
add rule ip kp filter-output ct state new jump cluster-ips-check
add element ip kp service-ips { 10.96.0.10 . tcp . 80 : goto svc }
`,
  },
  replace: ['nft', '-f'],
  replacements: [
    'flush chain ip kp svc\nadd rule ip kp svc numgen random mod 1 vmap { 0 : goto ep0 }\n',
    'flush chain ip kp svc\nadd rule ip kp svc numgen random mod 2 vmap { 0 : goto ep0, 1 : goto ep1 }\n',
  ],
  counter: ['nft', 'list', 'counter', 'ip', 'kp', 'rejected'],
  counterPattern: /packets (\d+)/,
};

/** As kube-proxy's iptables mode, with a rule that rejects and counts what was not translated, as its nftables mode does. */
export const iptablesRuleset: Ruleset = {
  install: {
    argv: ['iptables-restore'],
    input: `*nat
:SVC - [0:0]
:EP0 - [0:0]
:EP1 - [0:0]
-A OUTPUT -d 10.96.0.10/32 -p tcp --dport 80 -j SVC
-A EP0 -p tcp -j DNAT --to-destination 10.244.0.2:8080
-A EP1 -p tcp -j DNAT --to-destination 10.244.0.3:8080
-A SVC -m statistic --mode random --probability 0.5 -j EP0
-A SVC -j EP1
COMMIT
*filter
-A OUTPUT -d 10.96.0.10/32 -m conntrack --ctstate NEW -j REJECT
COMMIT
`,
  },
  replace: ['iptables-restore', '--noflush'],
  replacements: [
    '*nat\n:SVC - [0:0]\n-A SVC -j EP0\nCOMMIT\n',
    '*nat\n:SVC - [0:0]\n-A SVC -m statistic --mode random --probability 0.5 -j EP0\n-A SVC -j EP1\nCOMMIT\n',
  ],
  counter: ['iptables-save', '-c', '-t', 'filter'],
  counterPattern: /\[(\d+):\d+\] -A OUTPUT -d 10\.96\.0\.10/,
};
