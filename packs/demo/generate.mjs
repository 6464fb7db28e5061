// Draws the invented city of Lindenau. Deterministic: the same script writes the same bytes. Run: node packs/demo/generate.mjs
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const center = { lat: 48.2, lon: 11.5 };
const metersPerDegree = 111_195; // one degree of latitude on a sphere of 6,371,008.8 m
const random = mulberry32(20261122);

// A small seeded generator (mulberry32, public domain), so that no package is needed.
function mulberry32(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const between = (low, high) => low + (high - low) * random();
const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const round = (value) => Math.round(value * 1e6) / 1e6;

// East and north of the center in meters, as [longitude, latitude].
const at = (east, north) => [
  round(center.lon + east / (metersPerDegree * Math.cos((center.lat * Math.PI) / 180))),
  round(center.lat + north / metersPerDegree),
];
const ring = (...corners) => [...corners, corners[0]].map(([east, north]) => at(east, north));
const box = (west, south, east, north) => ring([west, south], [east, south], [east, north], [west, north]);
const blob = (east, north, radius, corners, wobble) =>
  ring(...Array.from({ length: corners }, (_, i) => {
    const reach = radius * (1 + wobble * Math.sin(3 * i) * 0.5);
    return [east + reach * Math.cos((2 * Math.PI * i) / corners), north + reach * Math.sin((2 * Math.PI * i) / corners)];
  }));

const light = ['scooter-swift', 'scooter-cargo', 'ebike-city', 'ebike-family'];
const rule = (start, end, through, more = {}) => ({ ride_start_allowed: start, ride_end_allowed: end, ride_through_allowed: through, ...more });
const forLight = (start, end, through, more = {}) => ({ vehicle_type_ids: light, ...rule(start, end, through, more) });

// In order of precedence: where two collide, the earlier wins.
const zones = [
  ['city-park', 'City Park', 'restricted', [[blob(-1500, 900, 520, 18, 0.25), box(-1560, 840, -1440, 960)]], [rule(false, false, false)]],
  ['botanical-garden', 'Botanical Garden', 'restricted', [[blob(1900, -1150, 330, 14, 0.2)]], [rule(false, false, false)]],
  ['market-square', 'Market Square', 'restricted', [[box(-90, -70, 110, 80)]], [forLight(false, false, true, { maximum_speed_kph: 6 })]],
  ['hospital', 'Hospital', 'restricted', [[box(1250, 1250, 1650, 1520)]], [rule(false, false, true, { maximum_speed_kph: 20 })]],
  ['central-station', 'Central Station Forecourt', 'restricted', [[box(560, -420, 820, -240)]], [forLight(false, false, true)]],
  ['old-town', 'Old Town', 'speed_limited', [[blob(0, 0, 620, 20, 0.15)]],
    [forLight(true, true, true, { maximum_speed_kph: 12, station_parking: true })]],
  ['school-quarter', 'School Quarter', 'speed_limited', [[box(-2300, -1300, -1500, -700)]], [forLight(true, true, true, { maximum_speed_kph: 15 })]],
  ['river-walk', 'River Walk', 'speed_limited',
    [[ring([-3600, -420], [-1200, -560], [900, -820], [3300, -640], [3300, -560], [900, -740], [-1200, -480], [-3600, -340])]],
    [forLight(false, false, true, { maximum_speed_kph: 12 })]],
  ['exhibition-grounds', 'Exhibition Grounds', 'pricing', [[box(2300, 700, 3200, 1500)]], []],
  ['inner-city', 'Inner City', 'pricing', [[blob(0, 0, 1400, 24, 0.05)]], []],
  ['lindenau', 'Lindenau', 'operational',
    [
      [ring([-3800, -1900], [-1200, -2600], [1500, -2500], [3600, -1700], [4000, 400], [3400, 2000], [900, 2700], [-1900, 2500], [-3900, 1300])],
      [box(4600, -600, 5600, 300)], // the industrial park lies apart
    ],
    [rule(true, true, true)]],
];

const vehicleTypes = [
  { id: 'scooter-swift', name: 'Swift scooter', kind: 'scooter', form: 'scooter_standing', propulsion: 'electric', range: 45_000, soc: 15, riders: 1, speed: 20, count: 1100 },
  { id: 'scooter-cargo', name: 'Seated scooter', kind: 'scooter', form: 'scooter_seated', propulsion: 'electric', range: 60_000, soc: 15, riders: 1, speed: 20, count: 400 },
  { id: 'ebike-city', name: 'City e-bike', kind: 'e_bike', form: 'bicycle', propulsion: 'electric_assist', range: 70_000, soc: 10, riders: 1, speed: 25, count: 650 },
  { id: 'ebike-family', name: 'Cargo e-bike', kind: 'e_bike', form: 'cargo_bicycle', propulsion: 'electric_assist', range: 55_000, soc: 15, riders: 1, speed: 25, count: 250 },
  { id: 'car-compact', name: 'Compact car', kind: 'car', form: 'car', propulsion: 'electric', range: 320_000, soc: 20, riders: 4, count: 300 },
  { id: 'car-estate', name: 'Estate car', kind: 'car', form: 'car', propulsion: 'electric', range: 410_000, soc: 20, riders: 5, count: 150 },
  { id: 'van-cargo', name: 'Cargo van', kind: 'van', form: 'other', propulsion: 'electric', range: 280_000, soc: 25, riders: 3, count: 150 },
];
const tariffOf = { scooter: 'scooter-standard', e_bike: 'ebike-standard', car: 'car-standard', van: 'van-standard' };

const tariffs = [
  {
    plan_id: 'scooter-standard', name: 'Scooter', description: '1.00 to unlock, 0.22 a minute, at most 24.90 in 24 hours.', currency: 'EUR',
    vehicle_type_ids: ['scooter-swift', 'scooter-cargo'], price: 1, per_min_pricing: [{ start: 0, rate: 0.22, interval: 1 }],
    reservation_fee_per_min: 0.05, pause_rate_per_min: 0.1, day_price: 24.9, minimum_charge: 1.5, no_show_fee: 1,
  },
  {
    plan_id: 'ebike-standard', name: 'E-bike', description: '1.00 to unlock, 0.15 a minute, 0.10 from the 31st minute, at most 17.90 in 24 hours.', currency: 'EUR',
    vehicle_type_ids: ['ebike-city', 'ebike-family'], price: 1,
    per_min_pricing: [{ start: 0, rate: 0.15, interval: 1, end: 30 }, { start: 30, rate: 0.1, interval: 1 }],
    reservation_fee_per_min: 0.03, pause_rate_per_min: 0.05, day_price: 17.9, minimum_charge: 1.3, no_show_fee: 1,
  },
  {
    plan_id: 'car-standard', name: 'Car', description: '0.19 a minute and 0.29 a kilometer from the 11th, at most 69.00 of time and distance in 24 hours.', currency: 'EUR',
    vehicle_type_ids: ['car-compact', 'car-estate'], price: 0, per_min_pricing: [{ start: 0, rate: 0.19, interval: 1 }],
    per_km_pricing: [{ start: 10, rate: 0.29, interval: 1 }],
    pause_rate_per_min: 0.12, day_price: 69, minimum_charge: 3, no_show_fee: 12, overtime_rate_per_min: 0.25, late_arrival_grace_minutes: 30,
  },
  {
    plan_id: 'van-standard', name: 'Van', description: '2.00 to unlock, 0.26 a minute and 0.39 a kilometer, at most 99.00 of time and distance in 24 hours.', currency: 'EUR',
    vehicle_type_ids: ['van-cargo'], price: 2, per_min_pricing: [{ start: 0, rate: 0.26, interval: 1 }],
    per_km_pricing: [{ start: 0, rate: 0.39, interval: 1 }],
    pause_rate_per_min: 0.18, day_price: 99, minimum_charge: 6, no_show_fee: 20, overtime_rate_per_min: 0.4, late_arrival_grace_minutes: 30,
  },
];

const week = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const openingRules = [
  { vehicle_kind: 'scooter', hours: [{ days: week, opens: '00:00', closes: '24:00' }] },
  { vehicle_kind: 'e_bike', hours: [{ days: week, opens: '00:00', closes: '24:00' }] },
  { vehicle_kind: 'car', hours: [{ days: week, opens: '00:00', closes: '24:00' }] },
  { vehicle_kind: 'van', hours: [{ days: week, opens: '05:00', closes: '24:00' }] },
];

const staff = [
  ['admin', 'Ada Winter', 'admin'],
  ['operations', 'Otto Berg', 'operations_manager'],
  ['field', 'Frida Lenz', 'field_technician'],
  ['support', 'Samuel Roth', 'support_agent'],
  ['finance', 'Fiona Adler', 'finance'],
].map(([name, display, role]) => ({ email: `${name}@lindenau.example`, display_name: display, role, demo_password: `lindenau-${name}-demo` }));

// Even-odd; points of this file never lie on an edge.
const inRing = ([x, y], corners) => corners.slice(1).reduce((inside, [bx, by], i) => {
  const [ax, ay] = corners[i];
  return (ay > y) !== (by > y) && x < ax + ((y - ay) / (by - ay)) * (bx - ax) ? !inside : inside;
}, false);
const inArea = (point, polygons) => polygons.some((rings) => inRing(point, rings[0]) && !rings.slice(1).some((hole) => inRing(point, hole)));

function mayStart(point, type) {
  const rules = zones.filter(([, , , area]) => inArea(point, area)).flatMap(([, , , , list]) => list);
  return rules.find((one) => !one.vehicle_type_ids || one.vehicle_type_ids.includes(type))?.ride_start_allowed ?? false;
}

// Bays: every 600 m or so where rides may start, the old town more densely.
const bays = [];
const streets = ['Linden', 'Mill', 'Harbor', 'Garden', 'Bridge', 'Chapel', 'Station', 'Orchard', 'Foundry', 'Meadow', 'Tower', 'Willow'];
function bay(east, north, kind, vehicleKinds, capacity) {
  const position = at(east, north);
  if (bays.length >= 60 || !mayStart(position, vehicleKinds[0] === 'car' ? 'car-compact' : 'scooter-swift'))
    return;
  const number = String(bays.length + 1).padStart(2, '0');
  bays.push({ id: `bay-${number}`, name: `${streets[bays.length % streets.length]} Street ${number}`, position, kind, vehicleKinds, capacity });
}
for (let i = 0; i < 14; i++)
  bay(430 * Math.cos((2 * Math.PI * i) / 14), 430 * Math.sin((2 * Math.PI * i) / 14), 'parking', ['scooter', 'e_bike'], 12);
for (const [east, north] of [[5000, -300], [5300, 0], [-2800, 600], [2600, 1000], [700, -150], [-700, -1500], [1500, 1700], [-1100, 1900], [3000, -900], [-3000, -900]])
  bay(east, north, 'charging', ['car', 'van'], 8);
for (let north = -2100; north <= 2100; north += 600)
  for (let east = -3300; east <= 3300; east += 1100)
    bay(east + between(-120, 120), north + between(-120, 120), 'parking', random() < 0.6 ? ['scooter', 'e_bike'] : ['car', 'van'], Math.floor(between(6, 20)));

// Vehicles gather around where people live, work and change trains.
const hubs = [[0, 0, 700, 5], [690, -330, 300, 3], [-2500, 400, 600, 2], [2700, 1000, 450, 2], [1200, -1500, 500, 2], [-900, 1800, 500, 2], [5100, -150, 250, 1], [0, 0, 1800, 3]];
const hubWeight = hubs.reduce((sum, hub) => sum + hub[3], 0);
function place(type) {
  for (;;) {
    let pick = random() * hubWeight;
    const [east, north, spread] = hubs.find((hub) => (pick -= hub[3]) < 0) ?? hubs[0];
    const position = at(east + spread * gaussian(), north + spread * gaussian());
    if (mayStart(position, type))
      return position;
  }
}
const lines = ['vehicle_id,plate,vehicle_type_id,lat,lon,state_of_charge'];
const serial = {};
for (const type of vehicleTypes) {
  for (let i = 0; i < type.count; i++) {
    serial[type.kind] = (serial[type.kind] ?? 0) + 1;
    const number = String(serial[type.kind]).padStart(4, '0');
    const plate = type.kind === 'car' ? `LDN-C ${number}E` : type.kind === 'van' ? `LDN-V ${number}E` : '';
    const [lon, lat] = place(type.id);
    const charge = random() < 0.04 ? Math.floor(between(2, 15)) : Math.floor(between(30, 101));
    lines.push([`${type.kind.replace('_', '')}-${number}`, plate, type.id, lat.toFixed(6), lon.toFixed(6), charge].join(','));
  }
}

const write = (file, text) => writeFileSync(join(folder, file), text);
const perLine = (list) => list.map((one) => `    ${JSON.stringify(one)}`).join(',\n');
const listFile = (name, list) => `{\n  "${name}": [\n${perLine(list)}\n  ]\n}\n`;
const collection = (features, more = '') => `{\n  "type": "FeatureCollection",\n${more}  "features": [\n${perLine(features)}\n  ]\n}\n`;

write('city.json', JSON.stringify({
  city_id: 'demo', name: 'Lindenau', time_zone: 'Europe/Berlin', currency: 'EUR', language: 'en', center, vat_basis_points: 1900,
}, null, 2) + '\n');
write('zones.geojson', collection(
  zones.map(([id, name, kind, area, rules]) => ({
    type: 'Feature', id, properties: { name, kind, rules },
    geometry: area.length === 1 ? { type: 'Polygon', coordinates: area[0] } : { type: 'MultiPolygon', coordinates: area },
  })),
  `  "global_rules": ${JSON.stringify([rule(false, false, true)])},\n`));
write('bays.geojson', collection(bays.map((one) => ({
  type: 'Feature', id: one.id, properties: { name: one.name, kind: one.kind, capacity: one.capacity, vehicle_kinds: one.vehicleKinds },
  geometry: { type: 'Point', coordinates: one.position },
}))));
write('vehicle_types.json', listFile('vehicle_types', vehicleTypes.map((type) => ({
  vehicle_type_id: type.id, name: type.name, kind: type.kind, form_factor: type.form, propulsion_type: type.propulsion, max_range_meters: type.range,
  minimum_state_of_charge_percent: type.soc, mode: type.kind === 'car' || type.kind === 'van' ? 'car-share' : 'micromobility',
  rider_capacity: type.riders, max_permitted_speed: type.speed, default_pricing_plan_id: tariffOf[type.kind],
}))));
write('tariffs.json', JSON.stringify({ plans: tariffs }, null, 2) + '\n');
write('opening_rules.json', listFile('opening_rules', openingRules));
write('fleet.csv', lines.join('\n') + '\n');
write('staff.json', listFile('staff', staff));
console.log(`${zones.length} zones, ${bays.length} bays, ${lines.length - 1} vehicles`);
