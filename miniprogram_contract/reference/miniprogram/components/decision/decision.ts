Component({
  options: { styleIsolation: "apply-shared" },
  properties: { decision: { type: Object, value: {} } },
});
