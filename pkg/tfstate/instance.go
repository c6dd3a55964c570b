package tfstate

// surveyInstance reads one instance of a version 4 state. Whatever is not a name of the
// object is skipped.
func (d *decoder) surveyInstance() error {
	o := &d.survey.object
	*o = object{arn: o.arn[:0], id: o.id[:0], region: o.region[:0]}
	if is, err := d.begins('{'); !is {
		return err
	}
	err := d.scan.members(func(key []byte, _ bool) error {
		switch string(key) {
		case "status":
			return d.textIs("tainted", &o.tainted)
		case "deposed":
			return d.present(&o.deposed)
		case "provider":
			return d.provider()
		case "attributes", "attributes_flat":
			return d.attributes()
		case "identity":
			return d.identity()
		}
		return d.scan.skip()
	})
	if err == nil {
		d.survey.endObject(d.resource.mode, d.resource.kind)
	}
	return err
}

// attributes reads the attributes that name an object.
func (d *decoder) attributes() error {
	o := &d.survey.object
	return d.object(func(key []byte, _ bool) error {
		switch string(key) {
		case "arn":
			return d.name(&o.arn)
		case "id":
			return d.name(&o.id)
		case "region":
			return d.name(&o.region)
		}
		return d.scan.skip()
	})
}

// identity reads the identity that providers give since Terraform 1.12: its region counts.
func (d *decoder) identity() error {
	return d.object(func(key []byte, _ bool) error {
		if string(key) == "region" && len(d.survey.object.region) == 0 {
			return d.name(&d.survey.object.region)
		}
		return d.scan.skip()
	})
}

// begins reports whether the next value begins with that byte. Any other value is skipped.
func (d *decoder) begins(with int) (bool, error) {
	c, err := d.scan.next()
	if err != nil || c == with {
		return err == nil, err
	}
	return false, d.scan.skip()
}

// object reads the members of an object, and skips any other value.
func (d *decoder) object(visit func(key []byte, whole bool) error) error {
	if is, err := d.begins('{'); !is {
		return err
	}
	return d.scan.members(visit)
}

// name reads a string that names something, if it is whole.
func (d *decoder) name(into *[]byte) error {
	if is, err := d.begins('"'); !is {
		return err
	}
	value, whole, err := d.scan.text(maxName)
	if err == nil && whole {
		*into = append((*into)[:0], value...)
	}
	return err
}

// textIs reports whether a value is that string.
func (d *decoder) textIs(want string, is *bool) error {
	if is, err := d.begins('"'); !is {
		return err
	}
	value, whole, err := d.scan.text(maxText)
	*is = whole && string(value) == want
	return err
}

// present reports whether a value is there: neither null, nor false, nor an empty string.
func (d *decoder) present(is *bool) error {
	c, err := d.scan.next()
	if err != nil {
		return err
	}
	if c != '"' {
		*is = c == 't' || c == '{'
		return d.scan.skip()
	}
	value, whole, err := d.scan.text(maxText)
	*is = !whole || len(value) > 0
	return err
}

// provider reads a provider's address.
func (d *decoder) provider() error {
	if is, err := d.begins('"'); !is {
		return err
	}
	value, whole, err := d.scan.text(maxName)
	switch {
	case err != nil || (whole && len(value) == 0):
	case whole:
		d.survey.provider(value)
	default:
		d.survey.otherProviders = true
	}
	return err
}

// countOutputs counts outputs, and those of them that are marked as sensitive.
func (d *decoder) countOutputs(all, sensitive *int) error {
	return d.object(func([]byte, bool) error {
		*all++
		marked := false
		err := d.object(func(key []byte, _ bool) error {
			if string(key) == "sensitive" {
				return d.present(&marked)
			}
			return d.scan.skip()
		})
		if marked {
			*sensitive++
		}
		return err
	})
}
