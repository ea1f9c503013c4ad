// Inputs, and what is said to each.
    {"node",
     "f:1: not a configuration: it has no sections such as node:"},
    {"42",
     "f:1: not a configuration: it has no sections such as node:"},
    {"- node\n",
     "f:1: not a configuration: it has no sections such as node:"},
    {"[node, database]",
     "f:1: not a configuration: it has no sections such as node:"},
    {"\"node: {}\"",
     "f:1: not a configuration: it has no sections such as node:"},
    {"nod:\n",
     "f:1: nod: unknown section: did you mean node?"},
    {"Node:\n  data_dir: x\n",
     "f:1: Node: unknown section: did you mean node?"},
    {"nodes: {}",
     "f:1: nodes: unknown section: did you mean node?"},
    {"databse:\n  request_timeout: 1s\n",
     "f:1: databse: unknown section: did you mean database?"},
    {"discovry: {}",
     "f:1: discovry: unknown section: did you mean discovery?"},
    {"log: {}",
     "f:1: log: unknown section: did you mean logging?"},
    {"xyzzy: 1\n",
     "f:1: xyzzy: unknown section; known are node, database, discovery, "
     "security, client, logging"},
    {"clients: {}",
     "f:1: clients: unknown section: did you mean client?"},
    {"retry_delay: 1s\n",
     "f:1: retry_delay: unknown section: did you mean client.retry_delay?"},
    {"client:\n  conect_timeout: 1s\n",
     "f:2: client.conect_timeout: unknown key: did you mean client.connect_timeout?"},
    {"node:\n  connect_timeout: 1s\n",
     "f:2: node.connect_timeout: unknown key: did you mean client.connect_timeout?"},
    {"client:\n  connect_timeout: 0ms\n  retry_delay: 5\n",
     "f:2: client.connect_timeout: '0ms' is not a whole number of ms, s, m or h from "
     "1ms to 49 days, such as 30s\n"
     "f:3: client.retry_delay: '5' is not a whole number of ms, s, m or h from 1ms to "
     "49 days, such as 30s"},
    {"client:\n  retry_attempts: -1\n  connections: 17\n",
     "f:2: client.retry_attempts: '-1' is not a whole number from 0 to 100\n"
     "f:3: client.connections: '17' is not a whole number from 1 to 16"},
    {"client: {connections: 0}",
     "f:1: client.connections: '0' is not a whole number from 1 to 16"},
    {"data_dir: x\n",
     "f:1: data_dir: unknown section: did you mean node.data_dir?"},
    {"max_connections: 5\n",
     "f:1: max_connections: unknown section: did you mean node.max_connections?"},
    {"listen_addresses: []\n",
     "f:1: listen_addresses: unknown section: did you mean "
     "node.listen_addresses?"},
    {"bootstrap_peers: []\n",
     "f:1: bootstrap_peers: unknown section: did you mean "
     "discovery.bootstrap_peers?"},
    {"node: x\n",
     "f:1: node: takes keys below it, not a value"},
    {"node: 5\n",
     "f:1: node: takes keys below it, not a value"},
    {"node: [data_dir]\n",
     "f:1: node: takes keys below it, not a value"},
    {"logging: debug\n",
     "f:1: logging: takes keys below it, not a value"},
    {"node:\n  data_dir: a\nnode:\n  invite: b\n",
     "f:3: node: given twice, first on line 1"},
    {"{node: {}, node: {}}",
     "f:1: node: given twice, first on line 1"},
    {"node: {}\n---\nnode: {}\n",
     "f:2: a second document: a file holds one"},
    {"node: {}\n...\nx\n",
     "f:3: not YAML: did not find expected <document start>"},
    {"%YAML 9.9\n---\nnode: {}\n",
     "f:1: not YAML: found incompatible YAML document"},
    {"%FOO\nnode: {}\n",
     "f:1: not YAML: found unknown directive name, while scanning a directive"},
    {"node:\n  data_dri: x\n",
     "f:2: node.data_dri: unknown key: did you mean node.data_dir?"},
    {"node:\n  datadir: x\n",
     "f:2: node.datadir: unknown key: did you mean node.data_dir?"},
    {"node:\n  data-dir: x\n",
     "f:2: node.data-dir: unknown key: did you mean node.data_dir?"},
    {"node:\n  Data_Dir: x\n",
     "f:2: node.Data_Dir: unknown key: did you mean node.data_dir?"},
    {"node:\n  dir: x\n",
     "f:2: node.dir: unknown key: did you mean node.data_dir?"},
    {"node:\n  max_conns: 5\n",
     "f:2: node.max_conns: unknown key; `debros config show` lists the known "
     "ones"},
    {"node:\n  listen: []\n",
     "f:2: node.listen: unknown key: did you mean node.listen_addresses?"},
    {"node:\n  listen_address: []\n",
     "f:2: node.listen_address: unknown key: did you mean node.listen_addresses?"},
    {"node:\n  bootstrap_peers: []\n",
     "f:2: node.bootstrap_peers: unknown key: did you mean "
     "discovery.bootstrap_peers?"},
    {"node:\n  level: info\n",
     "f:2: node.level: unknown key: did you mean logging.level?"},
    {"node:\n  open: true\n",
     "f:2: node.open: unknown key: did you mean security.open?"},
    {"node:\n  quux: 1\n",
     "f:2: node.quux: unknown key; `debros config show` lists the known ones"},
    {"database:\n  timeout: 5s\n",
     "f:2: database.timeout: unknown key: did you mean database.request_timeout?"},
    {"database:\n  rqlite_prot: 5001\n",
     "f:2: database.rqlite_prot: unknown key; `debros config show` lists the "
     "known ones"},
    {"discovery:\n  peers: []\n",
     "f:2: discovery.peers: unknown key: did you mean discovery.bootstrap_peers?"},
    {"discovery:\n  bootstrap_peer: []\n",
     "f:2: discovery.bootstrap_peer: unknown key: did you mean "
     "discovery.bootstrap_peers?"},
    {"security:\n  identity: k\n",
     "f:2: security.identity: unknown key: did you mean security.identity_file?"},
    {"security:\n  tls: true\n",
     "f:2: security.tls: unknown key; `debros config show` lists the known ones"},
    {"logging:\n  file: x\n",
     "f:2: logging.file: unknown key: did you mean logging.output_file?"},
    {"logging:\n  levle: info\n",
     "f:2: logging.levle: unknown key: did you mean logging.level?"},
    {"node:\n  data_dir: a\n  data_dir: b\n",
     "f:3: node.data_dir: given twice, first on line 2"},
    {"node:\n  type: a\n  type: b\n",
     "f:3: node.type: given twice, first on line 2"},
    {"node:\n  quux: 1\n  quux: 2\n",
     "f:2: node.quux: unknown key; `debros config show` lists the known ones\n"
     "f:3: node.quux: given twice, first on line 2"},
    {"node:\n  ? [a]\n  : b\n",
     "f:2: node: a key is one word"},
    {"? {a: b}\n: c\n",
     "f:1: a key is one word"},
    {"node:\n  \"\": x\n",
     "f:2: node: a key is one word"},
    {"node:\n  <<: {data_dir: x}\n",
     "f:2: node.<<: unknown key; `debros config show` lists the known ones"},
    {"node: {data_dir: a, data_dir: b}\n",
     "f:1: node.data_dir: given twice, first on line 1"},
    {"node:\n  data_dir: [x]\n",
     "f:2: node.data_dir: takes one value, not a list"},
    {"node:\n  data_dir: {x: y}\n",
     "f:2: node.data_dir: takes one value, not a group of keys"},
    {"node:\n  max_connections:\n    - 5\n",
     "f:3: node.max_connections: takes one value, not a list"},
    {"node:\n  listen_addresses: /ip4/127.0.0.1/tcp/1\n",
     "f:2: node.listen_addresses: takes a list: one line '- ADDRESS' for each"},
    {"node:\n  listen_addresses: {a: b}\n",
     "f:2: node.listen_addresses: takes a list: one line '- ADDRESS' for each"},
    {"node:\n  listen_addresses:\n    - [a]\n",
     "f:3: node.listen_addresses: an item is one value"},
    {"node:\n  listen_addresses:\n    - {a: b}\n",
     "f:3: node.listen_addresses: an item is one value"},
    {"node:\n  listen_addresses:\n    -\n",
     "f:3: node.listen_addresses: an empty item"},
    {"discovery:\n  bootstrap_peers: [\"\", ~]\n",
     "f:2: discovery.bootstrap_peers: an empty item\n"
     "f:2: discovery.bootstrap_peers: an empty item"},
    {"security:\n  open: []\n",
     "f:2: security.open: takes one value, not a list"},
    {"logging:\n  level: {}\n",
     "f:2: logging.level: takes one value, not a group of keys"},
    {"node:\n  max_connections: ten\n",
     "f:2: node.max_connections: 'ten' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: 0\n",
     "f:2: node.max_connections: '0' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: -1\n",
     "f:2: node.max_connections: '-1' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: 65537\n",
     "f:2: node.max_connections: '65537' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: 1.5\n",
     "f:2: node.max_connections: '1.5' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: 1e3\n",
     "f:2: node.max_connections: '1e3' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: 0x10\n",
     "f:2: node.max_connections: '0x10' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: 010x\n",
     "f:2: node.max_connections: '010x' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: 1_000\n",
     "f:2: node.max_connections: '1_000' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: 99999999999999999999\n",
     "f:2: node.max_connections: '99999999999999999999' is not a whole number "
     "from 1 to 65536"},
    {"node:\n  max_connections: 5 6\n",
     "f:2: node.max_connections: '5 6' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections: true\n",
     "f:2: node.max_connections: 'true' is not a whole number from 1 to 65536"},
    {"node:\n  max_connections:  '7 '\n",
     "f:2: node.max_connections: '7 ' is not a whole number from 1 to 65536"},
    {"node:\n  busy_poll: 1001\n",
     "f:2: node.busy_poll: '1001' is not a whole number from 0 to 1000"},
    {"node:\n  max_requests: 1048577\n",
     "f:2: node.max_requests: '1048577' is not a whole number from 1 to 1048576"},
    {"database:\n  request_timeout: 30\n",
     "f:2: database.request_timeout: '30' is not a whole number of ms, s, m or "
     "h from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: 0s\n",
     "f:2: database.request_timeout: '0s' is not a whole number of ms, s, m or "
     "h from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: -5s\n",
     "f:2: database.request_timeout: '-5s' is not a whole number of ms, s, m or "
     "h from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: 1.5s\n",
     "f:2: database.request_timeout: '1.5s' is not a whole number of ms, s, m "
     "or h from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: 5 s\n",
     "f:2: database.request_timeout: '5 s' is not a whole number of ms, s, m or "
     "h from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: 5sec\n",
     "f:2: database.request_timeout: '5sec' is not a whole number of ms, s, m "
     "or h from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: 1h30m\n",
     "f:2: database.request_timeout: '1h30m' is not a whole number of ms, s, m "
     "or h from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: s\n",
     "f:2: database.request_timeout: 's' is not a whole number of ms, s, m or h "
     "from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: 10d\n",
     "f:2: database.request_timeout: '10d' is not a whole number of ms, s, m or "
     "h from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: 1200h\n",
     "f:2: database.request_timeout: '1200h' is not a whole number of ms, s, m "
     "or h from 1ms to 49 days, such as 30s"},
    {"database:\n  request_timeout: 99999999999999999999ms\n",
     "f:2: database.request_timeout: '99999999999999999999ms' is not a whole "
     "number of ms, s, m or h from 1ms to 49 days, such as 30s"},
    {"database:\n  election_timeout: 99ms\n",
     "f:2: database.election_timeout: '99ms' is not from 100ms to 1m"},
    {"database:\n  election_timeout: 61s\n",
     "f:2: database.election_timeout: '61s' is not from 100ms to 1m"},
    {"database:\n  election_timeout: 2m\n",
     "f:2: database.election_timeout: '2m' is not from 100ms to 1m"},
    {"discovery:\n  mdns: yes\n",
     "f:2: discovery.mdns: 'yes' is not true or false"},
    {"discovery:\n  kad_protocol: kad\n",
     "f:2: discovery.kad_protocol: 'kad': a protocol's id is a / and up to 79 printable "
     "characters without spaces, such as /debros/kad/1.0.0"},
    {"discovery:\n  kad_protocol: /debros/sql/1.0.0\n",
     "f:2: discovery.kad_protocol: '/debros/sql/1.0.0': a node has that protocol for "
     "something else; choose another id"},
    {"discovery:\n  kad_protcol: /x\n",
     "f:2: discovery.kad_protcol: unknown key: did you mean discovery.kad_protocol?"},
    {"discovery:\n  discovery_interval: 999ms\n",
     "f:2: discovery.discovery_interval: '999ms' is not from 1s to 1h"},
    {"discovery:\n  discovery_interval: 61m\n",
     "f:2: discovery.discovery_interval: '61m' is not from 1s to 1h"},
    {"discovery:\n  discovery_interval: 300\n",
     "f:2: discovery.discovery_interval: '300' is not a whole number of ms, s, m or h "
     "from 1ms to 49 days, such as 30s"},
    {"discovery:\n  max_dials: 0\n",
     "f:2: discovery.max_dials: '0' is not a whole number from 1 to 64"},
    {"discovery:\n  max_dials: 65\n",
     "f:2: discovery.max_dials: '65' is not a whole number from 1 to 64"},
    {"discovery:\n  low_water: -1\n",
     "f:2: discovery.low_water: '-1' is not a whole number from 1 to 65536"},
    {"discovery:\n  high_water: 65537\n",
     "f:2: discovery.high_water: '65537' is not a whole number from 1 to 65536"},
    {"node:\n  advertise_addresses: /ip4/192.0.2.1/tcp/4001\n",
     "f:2: node.advertise_addresses: takes a list: one line '- ADDRESS' for each"},
    {"node:\n  advertise_addresses:\n    - /ip4/192.0.2.1/tcp/0\n",
     "f:3: node.advertise_addresses: '/ip4/192.0.2.1/tcp/0': nobody can dial port 0; "
     "give the port that leads to the node"},
    {"node:\n  advertise_addresses:\n    - /ip4/0.0.0.0/tcp/1\n    - /ip6/::/tcp/1\n",
     "f:3: node.advertise_addresses: '/ip4/0.0.0.0/tcp/1': nobody can dial a wildcard; "
     "give an address that leads to the node\n"
     "f:4: node.advertise_addresses: '/ip6/::/tcp/1': nobody can dial a wildcard; give "
     "an address that leads to the node"},
    {"node:\n  advertise_addresses:\n    - /ip4/192.0.2.1/udp/1/quic\n",
     "f:3: node.advertise_addresses: '/ip4/192.0.2.1/udp/1/quic': not of the shape "
     "/ip4/ADDRESS/tcp/PORT or /dns4/NAME/tcp/PORT"},
    {"node:\n  advertise_addresses:\n    - /ip4/192.0.2.1/tcp/1/p2p/"
     "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN\n",
     "f:3: node.advertise_addresses: '/ip4/192.0.2.1/tcp/1/p2p/"
     "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN': leave out /p2p/ID, which is "
     "always the node's own"},
    {"node:\n  advertise_addresses: [/ip4/192.0.2.1/tcp/1, /ip4/192.0.2.1/tcp/2, "
     "/ip4/192.0.2.1/tcp/3, /ip4/192.0.2.1/tcp/4, /ip4/192.0.2.1/tcp/5, "
     "/ip4/192.0.2.1/tcp/6, /ip4/192.0.2.1/tcp/7, /ip4/192.0.2.1/tcp/8, "
     "/ip4/192.0.2.1/tcp/9]\n",
     "f:2: node.advertise_addresses: 9 addresses, at most 8"},
    {"node:\n  advertise: []\n",
     "f:2: node.advertise: unknown key: did you mean node.advertise_addresses?"},
    {"security:\n  open: yes\n",
     "f:2: security.open: 'yes' is not true or false"},
    {"security:\n  open: 1\n",
     "f:2: security.open: '1' is not true or false"},
    {"security:\n  open: True\n",
     "f:2: security.open: 'True' is not true or false"},
    {"security:\n  open: on\n",
     "f:2: security.open: 'on' is not true or false"},
    {"security:\n  open: truee\n",
     "f:2: security.open: 'truee' is not true or false"},
    {"logging:\n  level: loud\n",
     "f:2: logging.level: 'loud' is not one of error, warn, info, debug"},
    {"logging:\n  level: warning\n",
     "f:2: logging.level: 'warning' is not one of error, warn, info, debug: did "
     "you mean warn?"},
    {"logging:\n  level: INFO\n",
     "f:2: logging.level: 'INFO' is not one of error, warn, info, debug: did "
     "you mean info?"},
    {"logging:\n  level: inf\n",
     "f:2: logging.level: 'inf' is not one of error, warn, info, debug: did you "
     "mean info?"},
    {"logging:\n  level: 3\n",
     "f:2: logging.level: '3' is not one of error, warn, info, debug"},
    {"logging:\n  format: xml\n",
     "f:2: logging.format: 'xml' is not one of text, json, console"},
    {"logging:\n  format: jsn\n",
     "f:2: logging.format: 'jsn' is not one of text, json, console: did you "
     "mean json?"},
    {"node:\n  listen_addresses:\n    - localhost:4001\n",
     "f:3: node.listen_addresses: 'localhost:4001': \"localhost:4001\" is no "
     "multiaddr; write it like /ip4/127.0.0.1/tcp/4001"},
    {"node:\n  listen_addresses:\n    - 4001\n",
     "f:3: node.listen_addresses: '4001': \"4001\" is no multiaddr; write it "
     "like /ip4/127.0.0.1/tcp/4001"},
    {"node:\n  listen_addresses:\n    - /ip4/127.0.0.1\n",
     "f:3: node.listen_addresses: '/ip4/127.0.0.1': not of the shape "
     "/ip4/ADDRESS/tcp/PORT"},
    {"node:\n  listen_addresses:\n    - /ip4/127.0.0.1/tcp\n",
     "f:3: node.listen_addresses: '/ip4/127.0.0.1/tcp': \"\" is no value for "
     "/tcp"},
    {"node:\n  listen_addresses:\n    - /ip4/127.0.0.1/tcp/99999\n",
     "f:3: node.listen_addresses: '/ip4/127.0.0.1/tcp/99999': \"99999\" is no "
     "value for /tcp"},
    {"node:\n  listen_addresses:\n    - /ip4/127.0.0.1/tcp/x\n",
     "f:3: node.listen_addresses: '/ip4/127.0.0.1/tcp/x': \"x\" is no value for "
     "/tcp"},
    {"node:\n  listen_addresses:\n    - /ip4/300.0.0.1/tcp/1\n",
     "f:3: node.listen_addresses: '/ip4/300.0.0.1/tcp/1': \"300.0.0.1\" is no "
     "value for /ip4"},
    {"node:\n  listen_addresses:\n    - /ip4/127.0.0.1/udp/4001\n",
     "f:3: node.listen_addresses: '/ip4/127.0.0.1/udp/4001': not of the shape "
     "/ip4/ADDRESS/tcp/PORT"},
    {"node:\n  listen_addresses:\n    - /ip6/127.0.0.1/tcp/1\n",
     "f:3: node.listen_addresses: '/ip6/127.0.0.1/tcp/1': \"127.0.0.1\" is no "
     "value for /ip6"},
    {"node:\n"
     "  listen_addresses:\n"
     "    - "
     "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nX"
     "TN\n",
     "f:3: node.listen_addresses: "
     "'/ip4/127.0.0.1/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6n"
     "XTN': not of the shape /ip4/ADDRESS/tcp/PORT"},
    {"node:\n  listen_addresses:\n    - /foo/1\n",
     "f:3: node.listen_addresses: '/foo/1': unknown protocol \"foo\" in an "
     "address; write it like /ip4/127.0.0.1/tcp/4001 or /ip6/::1/tcp/4001/p2p/ID"},
    {"node:\n  listen_addresses:\n    - \"/ip4/127.0.0.1/tcp/1 \"\n",
     "f:3: node.listen_addresses: '/ip4/127.0.0.1/tcp/1 ': \"1 \" is no value "
     "for /tcp"},
    {"node:\n  listen_addresses:\n    - /ip4/0.0.0.0/udp/4001/quic\n",
     "f:2: node.listen_addresses: no address is left: add one such as "
     "/ip4/0.0.0.0/tcp/4001"},
    {"discovery:\n  bootstrap_peers:\n    - /ip4/127.0.0.1/tcp/4001\n",
     "f:3: discovery.bootstrap_peers: '/ip4/127.0.0.1/tcp/4001': not of the "
     "shape /ip4/ADDRESS/tcp/PORT/p2p/ID or /dns4/NAME/tcp/PORT/p2p/ID"},
    {"discovery:\n  bootstrap_peers:\n    - /ip4/127.0.0.1/tcp/4001/p2p/\n",
     "f:3: discovery.bootstrap_peers: '/ip4/127.0.0.1/tcp/4001/p2p/': \"\" is "
     "no value for /p2p"},
    {"discovery:\n  bootstrap_peers:\n    - /ip4/127.0.0.1/tcp/4001/p2p/Qm\n",
     "f:3: discovery.bootstrap_peers: '/ip4/127.0.0.1/tcp/4001/p2p/Qm': \"Qm\" "
     "is no value for /p2p"},
    {"discovery:\n"
     "  bootstrap_peers:\n    - /ip4/127.0.0.1/tcp/4001/p2p/QmBootstrap1\n",
     "f:3: discovery.bootstrap_peers: "
     "'/ip4/127.0.0.1/tcp/4001/p2p/QmBootstrap1': \"QmBootstrap1\" is no value "
     "for /p2p"},
    {"discovery:\n"
     "  bootstrap_peers:\n"
     "    - 12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN\n",
     "f:3: discovery.bootstrap_peers: "
     "'12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN': "
     "\"12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN\" is no multiaddr; "
     "write it like /ip4/127.0.0.1/tcp/4001"},
    {"discovery:\n"
     "  bootstrap_peers:\n"
     "    - /p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN\n",
     "f:3: discovery.bootstrap_peers: "
     "'/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN': not of the "
     "shape /ip4/ADDRESS/tcp/PORT/p2p/ID or /dns4/NAME/tcp/PORT/p2p/ID"},
    {"node:\n"
     "  listen_addresses:\n"
     "    - /ip4/127.0.0.1/tcp/1\n    - /ip4/127.0.0.1/tcp/2\n    - x\n",
     "f:5: node.listen_addresses: 'x': \"x\" is no multiaddr; write it like "
     "/ip4/127.0.0.1/tcp/4001"},
    {"node:\n\tdata_dir: x\n",
     "f:2: a tab in the indentation: YAML takes spaces only"},
    {"node:\n  data_dir: x\n\tinvite: y\n",
     "f:3: a tab in the indentation: YAML takes spaces only"},
    {"node: {\n",
     "f:2: not YAML: did not find expected node content, while parsing a flow "
     "node"},
    {"node: [\n",
     "f:1: node: takes keys below it, not a value\n"
     "f:2: not YAML: did not find expected node content, while parsing a flow "
     "node"},
    {"node: }\n",
     "f:1: not YAML: did not find expected node content, while parsing a block "
     "node"},
    {"node: \"x\n",
     "f:2: not YAML: found unexpected end of stream, while scanning a quoted "
     "scalar that began on line 1"},
    {"node:\n  data_dir: 'x\n",
     "f:3: not YAML: found unexpected end of stream, while scanning a quoted "
     "scalar that began on line 2"},
    {"node:\n data_dir: x\n   invite: y\n",
     "f:3: not YAML: a ':' where no key can stand; is the indentation right, or "
     "does a value need quotes?"},
    {"node:\n    data_dir: x\n  invite: y\n",
     "f:3: not YAML: did not find expected key, while parsing a block mapping "
     "that began on line 1"},
    {"node:\n  data_dir: a: b\n",
     "f:2: not YAML: a ':' where no key can stand; is the indentation right, or "
     "does a value need quotes?"},
    {"node:\n  data_dir x\n  invite: y\n",
     "f:2: node: takes keys below it, not a value\n"
     "f:3: not YAML: a ':' where no key can stand; is the indentation right, or "
     "does a value need quotes?"},
    {"node:\n  data_dir: @x\n",
     "f:2: not YAML: a value that begins with this character needs quotes"},
    {"node:\n  data_dir: `x`\n",
     "f:2: not YAML: a value that begins with this character needs quotes"},
    {"node:\n  data_dir: \"\\q\"\n",
     "f:2: not YAML: found unknown escape character, while parsing a quoted "
     "scalar"},
    {"node:\n  data_dir: \377\n",
     "f:2: not a text in UTF-8 without control characters"},
    {"node:\n  data_dir: a\001b\n",
     "f:2: not a text in UTF-8 without control characters"},
    {"node: &a {}\n",
     "f:1: an anchor or alias (&name, *name): write the value out"},
    {"node: *a\n",
     "f:1: an anchor or alias (&name, *name): write the value out"},
    {"node:\n  data_dir: &x y\n",
     "f:2: an anchor or alias (&name, *name): write the value out"},
    {"node:\n  data_dir: !!str y\n",
     "f:2: a tag (!name): write the value without it"},
    {"!!map {node: {}}",
     "f:1: a tag (!name): write the value without it"},
    {"node:\n  data_dir: \"a\\nb\"\n",
     "f:2: node.data_dir: a control character in the value"},
    {"node:\n  data_dir: |\n    a\n    b\n",
     "f:2: node.data_dir: a control character in the value"},
    {"node:\n  listen_addresses: [\"a\\tb\"]\n",
     "f:2: node.listen_addresses: a control character in the value"},
    {": x\n",
     "f:1: not YAML: did not find expected key, while parsing a block mapping"},
    {"node: : x\n",
     "f:1: not YAML: a ':' where no key can stand; is the indentation right, or "
     "does a value need quotes?"},
    {"nod: {}\n"
     "node:\n"
     "  max_connections: ten\n"
     "  max_requests: 0\nlogging:\n  level: loud\n  colour: red\n",
     "f:1: nod: unknown section: did you mean node?\n"
     "f:3: node.max_connections: 'ten' is not a whole number from 1 to 65536\n"
     "f:4: node.max_requests: '0' is not a whole number from 1 to 1048576\n"
     "f:6: logging.level: 'loud' is not one of error, warn, info, debug\n"
     "f:7: logging.colour: unknown key; `debros config show` lists the known "
     "ones"},
    {"node:\n  data_dir: [x]\n  quux: 1\n  listen_addresses: y\n",
     "f:2: node.data_dir: takes one value, not a list\n"
     "f:3: node.quux: unknown key; `debros config show` lists the known ones\n"
     "f:4: node.listen_addresses: takes a list: one line '- ADDRESS' for each"},
