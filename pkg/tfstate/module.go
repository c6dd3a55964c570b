package tfstate

import "bytes"

// surveyModules reads the modules of versions 1 to 3 (Terraform up to 0.11): each has
// outputs and resources by their address, and each resource a primary and deposed objects.
func (d *decoder) surveyModules() error {
	if is, err := d.begins('['); !is {
		return err
	}
	return d.scan.elements(func(c int) error {
		if c != '{' {
			return d.scan.skip()
		}
		m := module{decoder: d}
		err := d.scan.members(m.member)
		if m.root {
			d.sum.Outputs += m.outputs
			d.survey.sensitive += m.sensitive
		}
		return err
	})
}

// module is the one that is being read.
type module struct {
	*decoder
	root               bool // its path is ["root"]
	outputs, sensitive int
}

func (m *module) member(key []byte, _ bool) error {
	switch string(key) {
	case "path":
		return m.path()
	case "outputs":
		return m.countOutputs(&m.outputs, &m.sensitive)
	case "resources":
		return m.object(func(address []byte, _ bool) error {
			return m.legacyResource(bytes.HasPrefix(address, []byte("data.")))
		})
	}
	return m.scan.skip()
}

func (m *module) path() error {
	if is, err := m.begins('['); !is {
		return err
	}
	names := 0
	err := m.scan.elements(func(int) error {
		names++
		return m.scan.skip()
	})
	m.root = names == 1
	return err
}

// legacyResource reads one resource of versions 1 to 3. The address says whether it is a
// data source.
func (d *decoder) legacyResource(read bool) error {
	d.resource = resource{kind: d.resource.kind[:0], mode: managed, hasInstances: true}
	if read {
		d.resource.mode = data
	}
	err := d.object(func(key []byte, _ bool) error {
		switch string(key) {
		case "type":
			return d.resourceType()
		case "provider":
			return d.provider()
		case "primary":
			return d.legacyInstance(false)
		case "deposed":
			return d.legacyDeposed()
		}
		return d.scan.skip()
	})
	if err != nil {
		return err
	}
	return d.endResource()
}

func (d *decoder) legacyDeposed() error {
	if is, err := d.begins('['); !is {
		return err
	}
	return d.scan.elements(func(int) error { return d.legacyInstance(true) })
}

func (d *decoder) legacyInstance(deposed bool) error {
	o := &d.survey.object
	*o = object{arn: o.arn[:0], id: o.id[:0], region: o.region[:0], deposed: deposed}
	if is, err := d.begins('{'); !is {
		return err
	}
	err := d.scan.members(func(key []byte, _ bool) error {
		switch string(key) {
		case "id":
			return d.name(&o.id)
		case "attributes":
			return d.attributes()
		case "tainted":
			return d.present(&o.tainted)
		}
		return d.scan.skip()
	})
	if err != nil || len(o.id) == 0 { // without an ID there is no object
		return err
	}
	d.resource.instances++
	d.survey.endObject(d.resource.mode, d.resource.kind)
	return nil
}
